import { readdirSync } from 'node:fs'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RestFixture, type Submission, submitTo } from '../../../../test/fakes/rest-fixture.ts'

describe('the options of a submission', () => {
  let fixture: RestFixture
  let app: FastifyInstance

  const register = (name: string, state = 'READY'): void => {
    fixture.handles.set(name, {
      ...{ type: 'HandleRegistered', alternateId: `/ManagedElement=${name}`, cmHandle: name, moduleSetTag: '' },
      ...{ dataProducerId: `producer-${name}`, service: 'dmi', writeService: 'dmi-write', state, properties: {} },
    })
  }

  beforeEach(async () => {
    fixture = new RestFixture()
    register('a')
    register('b')
    register('locked', 'LOCKED')
    app = await fixture.build()
  })
  afterEach(() => app.close())

  const submit = (submission: Submission): Promise<LightMyRequestResponse> => submitTo(app, submission)
  const reads = (...names: string[]): object => ({ data: names.map((name) => ({ op: 'read', path: `/ManagedElement=${name}/X=1` })) })

  describe('strict', () => {
    it('takes a job whose handles are all ready, and tells the coordinator', async () => {
      expect((await submit({ query: '?strict=true', body: reads('a', 'b') })).statusCode).toBe(202)
      expect(fixture.command.strict).toBe(true)
      await submit({ query: '?strict=false', body: reads('a', 'b') })
      expect(fixture.command.strict).toBe(false)
    })

    it('refuses one with unknown or locked handles: how many, and the first of them', async () => {
      const names = ['a', 'locked', 'x1', 'x2', 'x3', 'x4', 'x5']
      const answer = await submit({ query: '?strict=true', body: reads(...names) })
      expect(answer.statusCode).toBe(422)
      expect(answer.json()).toEqual({
        status: '422 UNPROCESSABLE_ENTITY',
        message: 'The job is strict, and 6 of its operations have no handle that is ready',
        details:
          '2 (/ManagedElement=locked/X=1): 101 cm handle(s) not ready; ' +
          [3, 4, 5, 6].map((id) => `${id} (/ManagedElement=x${id - 2}/X=1): 100 cm handle reference(s) not found`).join('; ') +
          ', and 1 more. Nothing was sent.',
      })
      expect(fixture.written).toEqual([])
    })

    it('waits for registrations that are under way', async () => {
      fixture.onInventoryWait = () => {
        register('late')
      }
      expect((await submit({ query: '?strict=true', body: reads('a', 'late') })).statusCode).toBe(202)
    })

    it('takes a job again that it has taken, whatever became of its handles', async () => {
      const submission = { query: '?strict=true', body: { jobId: 'job-1', ...reads('a') } }
      await submit(submission)
      fixture.handles.clear()
      expect((await submit(submission)).statusCode).toBe(202)
      expect(fixture.written).toHaveLength(1)
    })
  })

  describe('dryRun', () => {
    it('answers the split, and takes nothing', async () => {
      const body = { jobId: 'job-1', ...reads('a', 'x1', 'b', 'a', 'locked') }
      const answer = await submit({ query: '?dryRun=true&destination=my-results', body })
      expect(answer.statusCode).toBe(200)
      expect(answer.json()).toEqual({
        ...{ jobId: null, kind: 'READ', operations: 5, subjobsTotal: 2, refusedOperations: 2 },
        subjobs: [
          { dmiServiceName: 'dmi', dataProducerId: 'producer-a', operations: 2 },
          { dmiServiceName: 'dmi', dataProducerId: 'producer-b', operations: 1 },
        ],
        refused: [
          { operationId: '2', path: '/ManagedElement=x1/X=1', statusCode: 100, statusMessage: 'cm handle reference(s) not found' },
          { operationId: '5', path: '/ManagedElement=locked/X=1', statusCode: 101, statusMessage: 'cm handle(s) not ready' },
        ],
      })
      expect(fixture.written).toEqual([])
      expect((await app.inject('/ranoam/cm/v1/dataJob/job-1')).statusCode).toBe(404)
    })

    it('splits writes by who takes them', async () => {
      const body = { data: [{ op: 'remove', path: '/ManagedElement=a/X=1' }] }
      const preview = (await submit({ query: '?dryRun=true', body })).json<object>()
      expect(preview).toMatchObject({ kind: 'WRITE', subjobs: [{ dmiServiceName: 'dmi-write' }] })
    })

    it('shows a job larger than a record as it would be split, part by part', async () => {
      app = await fixture.build({ limits: { commandBytesMax: 4_000 }, metrics: new Registry() })
      const names = Array.from({ length: 900 }, (_, n) => (n % 9 === 8 ? `x${n}` : n % 2 === 0 ? 'a' : 'b'))
      const preview = (await submit({ query: '?dryRun=true', body: reads(...names) })).json<{
        readonly operations: number
        readonly subjobs: readonly { readonly dataProducerId: string; readonly operations: number }[]
        readonly refused: readonly unknown[]
        readonly refusedOperations: number
      }>()
      const asked = preview.subjobs.reduce((sum, { operations }) => sum + operations, 0)
      expect([preview.operations, asked, preview.refusedOperations, preview.refused.length]).toEqual([900, 800, 100, 100])
      const producers = preview.subjobs.map(({ dataProducerId }) => dataProducerId)
      expect(producers).toEqual(producers.toSorted())
      expect(fixture.written).toEqual([])
      expect(() => readdirSync(fixture.spoolFolder)).toThrow('ENOENT')
    })

    it.each([
      ['a destination that is not there', '?dryRun=true&destination=other', reads('a'), 422],
      ['a body that is wrong', '?dryRun=true', { data: [{ op: 'read' }] }, 400],
      ['no operations', '?dryRun=true', { data: [] }, 400],
      ['handles that are not ready, when it is strict', '?dryRun=true&strict=true', reads('x1'), 422],
    ])('refuses %s', async (_what, query, body, status) => {
      expect((await submit({ query, body })).statusCode).toBe(status)
    })
  })

  describe('deadline', () => {
    it('goes with the job', async () => {
      expect((await submit({ query: '?deadline=2099-01-01T01:00:00%2B01:00' })).statusCode).toBe(202)
      expect(fixture.command.deadlineAt).toBe(Date.UTC(2099, 0, 1))
    })

    it.each([
      ['tomorrow', 'query deadline: "tomorrow" is not an instant'],
      ['2099-01-01T00:00:00', 'query deadline: "2099-01-01T00:00:00" is not an instant'],
      ['2001-01-01T00:00:00Z', 'query deadline: "2001-01-01T00:00:00Z" has passed'],
    ])('is refused where it is %s', async (deadline, message) => {
      const answer = await submit({ query: `?deadline=${deadline}` })
      expect(answer.statusCode).toBe(400)
      expect(answer.json()).toMatchObject({ message })
      expect(fixture.written).toEqual([])
    })
  })

  it.each(['?strict=yes', '?dryRun=1'])('refuses %s, which is neither true nor false', async (query) => {
    const answer = await submit({ query })
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({ details: 'Allowed are: true, false.' })
  })
})
