import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { exampleFacts } from '../../../../test/fakes/domain-examples.ts'
import { brokerAway, RestFixture, submitTo } from '../../../../test/fakes/rest-fixture.ts'
import { jobId } from '../../../domain/ids.ts'
import { evolveJob, type Job, type JobEvent } from '../../../domain/job.ts'

const BODY = { jobId: 'job-1', data: [{ op: 'read', path: '/ManagedElement=1' }] }
const ACCEPTED = 'http://jobs.example:8080/ranoam/cm/v1/dataJob/job-1'

describe('a job that was submitted', () => {
  let fixture: RestFixture
  let app: FastifyInstance

  beforeEach(async () => {
    fixture = new RestFixture()
    app = await fixture.build()
    await submitTo(app, { body: BODY })
    fixture.written.length = 0
    return () => app.close()
  })

  const ask = (method: 'DELETE' | 'POST', path = '', headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
    app.inject({ method, url: `/ranoam/cm/v1/dataJob/job-1${path}`, headers: { host: 'jobs.example:8080', ...headers } })
  const cancel = (): Promise<LightMyRequestResponse> => ask('DELETE')
  const retry = (headers?: Record<string, string>): Promise<LightMyRequestResponse> => ask('POST', '/retry', headers)
  const status = async (): Promise<unknown> => (await app.inject('/ranoam/cm/v1/dataJob/job-1')).json()
  const command = (): unknown => JSON.parse(fixture.written.at(-1)?.value?.toString() ?? 'null')

  let version = 0
  const put = (job: Job): Promise<void> => fixture.change(job, (version += 1))

  const become = async (...events: readonly JobEvent[]): Promise<Job> => {
    const facts = exampleFacts({ jobId: jobId('job-1'), number: 1 })
    const accepted = { type: 'JobAccepted', facts, operations: 2, subjobs: 1 } as const
    const job = [accepted, ...events].reduce<Job | undefined>(evolveJob, undefined)
    if (job === undefined) throw new Error('no job')
    await put(job)
    return job
  }
  const end = (outcome: 'succeeded' | 'failed' | 'cancelled'): readonly JobEvent[] => {
    const [succeeded, failed] = outcome === 'succeeded' ? [2, 0] : [0, 2]
    return [
      { type: 'JobStarted', at: fixture.time.now() },
      ...(outcome === 'cancelled' ? [{ type: 'JobCancelled', at: 2 } as const] : []),
      { type: 'SubjobCounted', result: { outcome, succeeded, failed, message: null } },
      { type: 'JobConcluded', outcome, at: fixture.time.now() },
    ]
  }
  const ended = (outcome: 'succeeded' | 'failed' | 'cancelled'): Promise<Job> =>
    become(...end(outcome), { type: 'JobEnded', at: fixture.time.now(), message: null })

  describe('and is cancelled', () => {
    it('is CANCELLING in the answer and in every answer after it, and the command is at its home', async () => {
      const answer = await cancel()
      expect(answer.statusCode).toBe(202)
      expect(answer.json()).toEqual({ jobId: 'job-1', status: 'CANCELLING', statusuri: ACCEPTED, resultsuri: 'kafka:datajob.results' })
      expect(answer.headers.location).toBe(ACCEPTED)
      expect(await status()).toMatchObject({ status: 'CANCELLING', run: 1 })
      expect(fixture.written).toMatchObject([{ topic: 'commands', key: 'job-1', partition: 5 % 3 }])
      expect(command()).toEqual({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null })
    })

    it('twice, is answered alike and asked once', async () => {
      expect((await cancel()).json()).toEqual((await cancel()).json())
      expect(fixture.written).toHaveLength(1)
    })

    it('and was already, is answered with what it is', async () => {
      await ended('cancelled')
      expect((await cancel()).json()).toMatchObject({ status: 'CANCELLED' })
      await become(...end('cancelled'))
      expect((await cancel()).json()).toMatchObject({ status: 'CANCELLING' })
      expect(fixture.written).toEqual([])
    })

    it('too late, is refused', async () => {
      for (const job of [ended('succeeded'), ended('failed'), become(...end('failed'))]) {
        await job
        const answer = await cancel()
        expect(answer.statusCode).toBe(409)
        expect(answer.json()).toMatchObject({ message: 'The job "job-1" can\'t be cancelled any more: all of it has ended' })
      }
      expect(fixture.written).toEqual([])
    })

    it('is not known to be, while what was written is not read', async () => {
      fixture.pauseReading()
      const answer = await cancel()
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2'])
      await fixture.resumeReading()
      expect((await cancel()).json()).toMatchObject({ status: 'CANCELLING' })
    })

    it('is told to come back with Kafka away', async () => {
      fixture.outage = brokerAway
      expect((await cancel()).statusCode).toBe(503)
    })
  })

  describe('and is tried again', () => {
    it('runs again in the answer, with a token of who asked', async () => {
      const job = await ended('failed')
      const asking = retry({ authorization: 'Bearer t0ken' }).then((answer) => answer)
      await expect.poll(() => fixture.written.length).toBe(1)
      const asked = { requestedBy: null, run: 2, authorization: 't0ken', priority: null }
      expect(command()).toEqual({ type: 'RetryJob', jobId: 'job-1', ...asked })
      const undone = { operations: 2, subjobs: { partiallyFailed: 0, failed: 1, cancelled: 0 } }
      await put(evolveJob(job, { type: 'JobRetried', at: 3, undone, priority: job.priority }))
      const answer = await asking
      expect(answer.statusCode).toBe(202)
      expect(answer.json()).toMatchObject({ jobId: 'job-1', status: 'RUNNING', statusuri: ACCEPTED })
      expect(await status()).toMatchObject({ status: 'RUNNING', run: 2 })
    })

    it('never passes basic credentials on', async () => {
      await ended('failed')
      void retry({ authorization: `Basic ${Buffer.from('user:password').toString('base64')}` }).then(() => undefined)
      await expect.poll(() => fixture.written.length).toBe(1)
      expect(command()).toMatchObject({ authorization: null })
      fixture.time.pass(2_000)
    })

    it('is not known to run while no coordinator has taken that in', async () => {
      await ended('failed')
      const asking = retry().then((answer) => answer)
      await expect.poll(() => fixture.written.length).toBe(1)
      fixture.time.pass(2_000)
      expect((await asking).statusCode).toBe(503)
    })

    it.each([
      ['runs', () => become({ type: 'JobStarted', at: 1 }), 'The job "job-1" is still running'],
      ['was done', () => ended('succeeded'), 'The job "job-1" has nothing that failed'],
      [
        'ended too long ago',
        async () => {
          await ended('failed')
          fixture.time.pass(3_600_000)
        },
        'The job "job-1" ended too long ago',
      ],
      [
        'lacks operations that never came, and has nothing else that failed',
        () =>
          become(
            { type: 'PartsGivenUp', operations: 1, message: '1 of 2 records did not come' },
            { type: 'JobStarted', at: fixture.time.now() },
            { type: 'SubjobCounted', result: { outcome: 'succeeded', succeeded: 1, failed: 0, message: null } },
            { type: 'JobConcluded', outcome: 'partiallyFailed', at: fixture.time.now() },
            { type: 'JobEnded', at: fixture.time.now(), message: null },
          ),
        'The job "job-1" has nothing that could be tried again',
      ],
    ])('is refused where it %s', async (_what, given, message) => {
      await given()
      const answer = await retry()
      expect(answer.statusCode).toBe(409)
      expect(answer.json()).toMatchObject({ status: '409 CONFLICT', message })
      expect(fixture.written).toEqual([])
    })
  })

  it.each([['DELETE', ''], ['POST', '/retry']] as const)('is no other: %s of an unknown id is answered 404', async (method, path) => {
    const answer = await app.inject({ method, url: `/ranoam/cm/v1/dataJob/other${path}` })
    expect(answer.statusCode).toBe(404)
  })
})
