import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { endedPhase, sampleJob } from '../../../../test/contract/read-model.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Job, Phase } from '../../../domain/job.ts'

interface List {
  readonly jobs: readonly { readonly jobID: string }[]
  readonly links: readonly { readonly rel: string; readonly href: string }[]
  readonly numberTotal: number
}

let fixture: RestFixture
let app: FastifyInstance
let version = 0

beforeEach(async () => {
  version = 0
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
})

const ask = (path: string): Promise<LightMyRequestResponse> => app.inject({ url: path, headers: { host: 'jobs.example' } })
const list = async (query = ''): Promise<List> => (await ask(`/east/ogc-api/jobs${query}`)).json()
const idsOf = async (query = ''): Promise<readonly string[]> => (await list(query)).jobs.map(({ jobID }) => jobID)
const put = (id: string, changes: Partial<Omit<Job, 'state'>> = {}, phase?: Phase): Promise<void> => {
  version += 1
  const dialect = { tenant: 'east', dialect: 'ogc', dialectData: '{"processID":"echo"}', labels: { subject: 'echo' } }
  return fixture.change(sampleJob({ id, number: version, createdAt: 1_000 * version, ...dialect, ...changes }, phase), version)
}
const running = (startedAt: number): Phase => ({ state: 'running', startedAt })
const ended = (startedAt: number, finishedAt: number): Phase => ({ state: 'ended', startedAt, finishedAt, outcome: 'succeeded' })
const linkOf = ({ links }: List, rel: string): string | undefined => links.find((link) => link.rel === rel)?.href

describe('the jobs of a workspace', () => {
  it('are listed as each is by itself, the newest first, under both bases', async () => {
    await put('one', {}, endedPhase('succeeded'))
    await put('two')
    const [standard, seed] = [await ask('/east/ogc-api/jobs'), await ask('/east/wps3/jobs')]
    const single = async (path: string): Promise<unknown> => (await ask(path)).json()
    const each = (root: string): Promise<unknown[]> => Promise.all([single(`${root}/jobs/two`), single(`${root}/jobs/one`)])
    const self = (href: string): object => ({ href, rel: 'self', type: 'application/json', title: 'This page' })
    expect(standard.json()).toEqual({
      jobs: await each('/east/ogc-api'),
      links: [self('http://jobs.example/east/ogc-api/jobs?limit=10')],
      numberTotal: 2,
    })
    expect(seed.json()).toEqual({ jobs: await each('/east/wps3'), links: [self('/east/wps3/jobs?limit=10')], numberTotal: 2 })
  })

  it('are none of another workspace or dialect', async () => {
    await put('west', { tenant: 'west' })
    await put('ncmp', { dialect: 'ncmp' })
    expect(await list()).toMatchObject({ jobs: [], numberTotal: 0 })
  })

  it('are listed although Kafka does not say how far they have come', async () => {
    await put('one')
    fixture.outage = 'silence'
    const listed = idsOf()
    await expect.poll(() => fixture.time.pending).toBe(1)
    fixture.time.pass(1_000)
    expect(await listed).toEqual(['one'])
  })
})

describe('a list of jobs', () => {
  beforeEach(async () => {
    await put('accepted')
    await put('running', { labels: { subject: 'ndvi' } }, running(2_000))
    await put('concluding', {}, { state: 'concluding', startedAt: 3_000, outcome: 'succeeded' })
    await put('successful', { labels: { subject: 'a,b' } }, endedPhase('succeeded'))
    await put('failed', {}, endedPhase('failed'))
    await put('partially', {}, endedPhase('partiallyFailed'))
    await put('cancelling', {}, { state: 'cancelling', startedAt: null })
    await put('dismissed', {}, endedPhase('cancelled'))
  })

  it.each([
    ['?status=accepted', ['accepted']],
    ['?status=running', ['concluding', 'running']],
    ['?status=failed', ['partially', 'failed']],
    ['?status=dismissed', ['dismissed', 'cancelling']],
    ['?status=successful,accepted', ['successful', 'accepted']],
    ['?status=successful&status=accepted', ['successful', 'accepted']],
    ['?processID=ndvi', ['running']],
    ['?processID=ndvi,nothing', ['running']],
    ['?processID=ndvi&processID=a,b', ['successful', 'running']],
    ['?processID=nothing', []],
    ['?type=process&status=accepted', ['accepted']],
    ['?processID=echo&status=running', ['concluding']],
    ['?datetime=1970-01-01T00:00:02Z', ['running']],
    ['?datetime=1970-01-01T01:00:02%2B01:00', ['running']],
    ['?datetime=1970-01-01T00:00:02Z/1970-01-01T00:00:03Z', ['concluding', 'running']],
    ['?datetime=1970-01-01t00:00:02.001z/1970-01-01T00:00:03.999Z', ['concluding']],
    ['?datetime=../1970-01-01T00:00:01Z', ['accepted']],
    ['?datetime=/1970-01-01T00:00:01Z', ['accepted']],
    ['?datetime=1970-01-01T00:00:08Z/..', ['dismissed']],
    ['?datetime=1970-01-01T00:00:08Z/', ['dismissed']],
  ])('with %s holds exactly those', async (query, ids) => {
    expect(await list(query)).toMatchObject({ jobs: ids.map((jobID) => ({ jobID })), numberTotal: ids.length })
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=10001', 'limit'],
    ['limit=ten', 'limit'],
    ['type=openeo', 'query type: "openeo" is not one of process'],
    ['status=done', 'query status: "done" is not one of accepted, running, successful, failed, dismissed'],
    ['status=running,', 'query status: "" is not one of'],
    ['datetime=yesterday', 'query datetime: "yesterday" is neither an instant nor an interval'],
    ['datetime=2025-11-22', 'date-time such as'],
    ['datetime=../..', 'neither'],
    ['datetime=/', 'neither'],
    ['datetime=', 'neither'],
    ['datetime=1970-01-01T00:00:02Z/1970-01-01T00:00:03Z/..', 'neither'],
    ['datetime=1970-01-01T00:00:03Z/1970-01-01T00:00:02Z', 'ends before it begins'],
    ['minDuration=-1', 'minDuration'],
    ['minDuration=1.5', 'minDuration'],
    ['maxDuration=1&maxDuration=2', 'maxDuration'],
    ['minDuration=2&maxDuration=1', 'query minDuration: 2 is more than maxDuration, 1'],
    ['after=nowhere', 'query after: "nowhere" leads to no page'],
    ['before=nowhere', 'query before'],
    ['after=MTAwMC4x&before=MTAwMC4x', 'query before can’t be given together with after'],
    ['colour=red', 'colour'],
  ])('with %s is refused with what is allowed', async (query, detail) => {
    const answer = await ask(`/east/wps3/jobs?${query}`)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({ type: 'about:blank', status: 400, instance: '/east/wps3/jobs' })
    expect(answer.json<{ detail: string }>().detail).toContain(detail)
  })

  it('is the same on its pages, one behind the other and back, whichever filters they are under', async () => {
    const query = '?limit=2&status=accepted,running,failed&status=dismissed&processID=echo&processID=ndvi'
    const pages: List[] = [await list(query)]
    const follow = async (rel: string): Promise<boolean> => {
      const href = linkOf(pages.at(-1) ?? { jobs: [], links: [], numberTotal: 0 }, rel)
      if (href !== undefined) pages.push((await ask(href.replace('http://jobs.example', ''))).json())
      return href !== undefined
    }
    while (await follow('next')) expect(pages.length).toBeLessThan(9)
    while (await follow('prev')) expect(pages.length).toBeLessThan(9)
    expect(pages.map(({ jobs }) => jobs.map(({ jobID }) => jobID))).toEqual([
      ...[['dismissed', 'cancelling'], ['partially', 'failed'], ['concluding', 'running'], ['accepted']],
      ...[['concluding', 'running'], ['partially', 'failed'], ['dismissed', 'cancelling']],
    ])
    expect(pages.map(({ numberTotal }) => numberTotal)).toEqual(pages.map(() => 7))
    expect(pages.slice(1, 4).map((page) => linkOf(page, 'self'))).toEqual(pages.slice(0, 3).map((page) => linkOf(page, 'next')))
    expect(pages.slice(4).map((page) => linkOf(page, 'self'))).toEqual(pages.slice(3, 6).map((page) => linkOf(page, 'prev')))
  })
})

describe('the duration of a job', () => {
  it('is from its start to its end, or until now while it runs; else it has none', async () => {
    const now = fixture.time.now()
    await put('accepted')
    await put('two seconds', {}, ended(10_000, 12_000))
    await put('three seconds', {}, ended(10_000, 13_000))
    await put('since three seconds', {}, running(now - 3_000))
    await put('being dismissed', {}, { state: 'cancelling', startedAt: now - 3_000 })
    const all = ['since three seconds', 'three seconds', 'two seconds']
    expect(await idsOf('?minDuration=0')).toEqual(all)
    expect(await idsOf('?minDuration=3')).toEqual(all.slice(0, 2))
    expect(await idsOf('?maxDuration=2')).toEqual(['two seconds'])
    expect(await idsOf('?minDuration=2&maxDuration=3&status=successful')).toEqual(['three seconds', 'two seconds'])
    fixture.time.pass(1_000)
    expect(await idsOf('?minDuration=4')).toEqual(['since three seconds'])
    expect(await idsOf('?maxDuration=999999999999999')).toEqual(all)
  })
})
