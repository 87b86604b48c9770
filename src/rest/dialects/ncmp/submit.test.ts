import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { Registry } from 'prom-client'
import { beforeEach, describe, expect, it } from 'vitest'
import { exampleSubmission } from '../../../../test/fakes/domain-examples.ts'
import { RestFixture, type Submission, submitTo } from '../../../../test/fakes/rest-fixture.ts'

const READ = { op: 'read', path: '/ManagedElement=1' }

describe('submitting a job', () => {
  let fixture: RestFixture
  let app: FastifyInstance

  const submit = (submission?: Submission): Promise<LightMyRequestResponse> => submitTo(app, submission)

  beforeEach(async () => {
    fixture = new RestFixture()
    app = await fixture.build()
    return () => app.close()
  })

  it('answers 202 with the four links and writes the command to its home partition', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const answer = await submit({
      query: '?destination=my-results',
      headers: { traceparent },
      body: { jobId: 'a/b ä', data: [READ] },
    })
    expect(answer.statusCode).toBe(202)
    const statusuri = 'http://jobs.example:8080/ranoam/cm/v1/dataJob/a%2Fb%20%C3%A4'
    expect(answer.json()).toEqual({ jobId: 'a/b ä', status: 'NOT_STARTED', statusuri, resultsuri: 'kafka:my-results' })
    expect(answer.headers.location).toBe(statusuri)
    expect(fixture.written).toEqual([
      {
        topic: 'commands',
        partition: 5 % 3,
        key: 'a/b ä',
        value: expect.any(Buffer) as Buffer,
        headers: { traceparent },
      },
    ])
    expect(fixture.command).toEqual({
      ...{ type: 'SubmitJob', jobId: 'a/b ä', tenant: 'default', dialect: 'ncmp', dialectData: null, kind: 'READ' },
      ...{
        destination: 'kafka:my-results',
        priority: 100,
        labels: {},
        deadlineAt: null,
        attemptsMax: null,
        submittedBy: null,
      },
      dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
      dataContentType: 'application/3gpp-json-patch+json',
      ...{ traceparent, digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string, createdAt: 1_763_785_140_250 },
      operations: [{ operationId: '1', op: 'read', path: '/ManagedElement=1', value: null, options: null }],
      dependencies: [],
      groups: [],
      ...{ strict: false, authorization: null, submission: null, parts: 0, operationCount: 0, callbacks: {}, held: false },
    })
  })

  it.each([
    ['?destination=s3:my-bucket', 's3:my-bucket', 'http://jobs.example:8080/s3-bucket/my-bucket'],
    ['?destination=kafka:my-results', 'kafka:my-results', 'kafka:my-results'],
    ['', null, 'kafka:datajob.results'],
  ])('with "%s" goes to %s, whose results are at %s', async (query, destination, resultsuri) => {
    expect((await submit({ query })).json()).toMatchObject({ resultsuri })
    expect(fixture.command.destination).toBe(destination)
  })

  it('makes links with the configured address', async () => {
    const other = new RestFixture()
    app = await other.build({ apiRoot: 'https://jobs.example.org/api/' })
    const answer = await submit({
      query: '?destination=s3:my-bucket',
      headers: { host: 'elsewhere' },
      body: { jobId: 'j', data: [READ] },
    })
    expect(answer.json()).toMatchObject({
      statusuri: 'https://jobs.example.org/api/ranoam/cm/v1/dataJob/j',
      resultsuri: 'https://jobs.example.org/api/s3-bucket/my-bucket',
    })
  })

  it('writes a value as it came, digit by digit', async () => {
    await submit({ body: '{"data":[{"op":"add","path":"/a","value":{"n": 12345678901234567890 }}]}' })
    expect(fixture.command.operations[0]?.value).toBe('{"n": 12345678901234567890 }')
  })

  it('gives each job without an id one of its own, the later the greater', async () => {
    const first = (await submit()).json<{ jobId: string }>().jobId
    fixture.time.pass(1)
    const second = (await submit()).json<{ jobId: string }>().jobId
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(second > first).toBe(true)
    expect(fixture.written).toHaveLength(2)
  })

  it('ignores a traceparent that is none', async () => {
    await submit({ headers: { traceparent: '00-zz' } })
    expect(fixture.command.traceparent).toBeNull()
    expect(fixture.written[0]?.headers).toEqual({})
  })

  describe('again', () => {
    it.each([
      ['its id', { body: { jobId: 'j', data: [READ] } }],
      ['its Idempotency-Key', { headers: { 'idempotency-key': 'key 1' } }],
    ])('under %s gets the same answer and makes no second job', async (_what, submission) => {
      const first = await submit(submission)
      const second = await submit(submission)
      expect([first.statusCode, second.statusCode]).toEqual([202, 202])
      expect(second.json()).toEqual(first.json())
      expect(fixture.written).toHaveLength(1)
    })

    it('gets the same id for the same key on every instance, and another for another key', async () => {
      const first = (await submit({ headers: { 'idempotency-key': 'k' } })).json<{ jobId: string }>().jobId
      const elsewhere = new RestFixture()
      app = await elsewhere.build()
      expect((await submit({ headers: { 'idempotency-key': 'k' } })).json()).toMatchObject({ jobId: first })
      expect((await submit({ headers: { 'idempotency-key': 'l' } })).json<{ jobId: string }>().jobId).not.toBe(first)
    })

    it('lets the id outweigh the key', async () => {
      await submit({ headers: { 'idempotency-key': 'k' }, body: { jobId: 'j', data: [READ] } })
      expect(fixture.command.jobId).toBe('j')
    })

    it.each([
      ['its id', { body: { jobId: 'j', data: [READ] } }, { body: { jobId: 'j', data: [{ ...READ, path: '/b' }] } }],
      [
        'its key', { headers: { 'idempotency-key': 'k' } },
        { headers: { 'idempotency-key': 'k' }, query: '?destination=my-results' },
      ],
    ])('with other content under %s is refused', async (_what, first, second) => {
      await submit(first)
      const answer = await submit(second)
      expect(answer.statusCode).toBe(409)
      expect(answer.json()).toMatchObject({
        status: '409 CONFLICT',
        message: expect.stringMatching(/^The id ".+" is taken by a job with other content$/) as string,
      })
      expect(fixture.written).toHaveLength(1)
    })

    it('is the same job whether the destination is bare or has its scheme', async () => {
      await submit({ query: '?destination=my-results', body: { jobId: 'j', data: [READ] } })
      expect((await submit({
        query: '?destination=kafka:my-results',
        body: { jobId: 'j', data: [READ] },
      })).statusCode).toBe(202)
      expect(fixture.written).toHaveLength(1)
    })

    it('is the same job although its destination has gone since', async () => {
      const submission = { query: '?destination=my-results', body: { jobId: 'j', data: [READ] } }
      await submit(submission)
      fixture.topics.clear()
      fixture.time.pass(60_000)
      expect((await submit(submission)).statusCode).toBe(202)
    })
  })

  describe('while another submits under the same id', () => {
    const ours = { body: { jobId: 'job-1', data: [READ] } }

    let raceMetrics: Registry

    // The other's command is written before ours, but can't be read before ours is written, too.
    const raced = async (digest: string): Promise<LightMyRequestResponse> => {
      raceMetrics = new Registry()
      fixture.pauseReading()
      await fixture.writeCommand(exampleSubmission({ jobId: 'job-1', digest }))
      app = await fixture.build({
        metrics: raceMetrics,
        progress: {
          ...fixture.progress,
          waitFor: async () => {
            await fixture.resumeReading()
            return true
          },
        },
      })
      return submit(ours)
    }

    it('is refused when the other came first with other content', async () => {
      expect((await raced('d')).statusCode).toBe(409)
      expect(fixture.written).toHaveLength(2)
    })

    it('is taken when the other came first with the same', async () => {
      await submit(ours)
      const { digest } = fixture.command
      fixture = new RestFixture()
      expect((await raced(digest)).statusCode).toBe(202)
      expect(await raceMetrics.metrics()).not.toContain('datajob_jobs_accepted_total{')
    })

    it('is told to ask again when it is not known in time who came first', async () => {
      fixture.pauseReading()
      const answer = await submit(ours)
      expect(answer.statusCode).toBe(503)
      expect(answer.headers['retry-after']).toBe('2')
      expect(answer.json()).toMatchObject({ message: 'Whether "job-1" was taken before is not known within 2000 ms' })
      await fixture.resumeReading()
      expect((await submit(ours)).statusCode).toBe(202)
      expect(fixture.written).toHaveLength(1)
    })

    it('needs no look at who came first without an id of its own', async () => {
      fixture.pauseReading()
      expect((await submit()).statusCode).toBe(202)
    })
  })

  it('says the same destination in the query and in the body', async () => {
    const body = { dataJobMetadata: { destination: 'kafka:my-results' }, dataJobReadRequest: { data: [READ] } }
    expect((await submit({ query: '?destination=my-results', body })).statusCode).toBe(202)
    expect(fixture.command.destination).toBe('kafka:my-results')
  })

  it('asks for a destination that is there only now and then, for one that is missing each time', async () => {
    for (let i = 0; i < 3; i += 1) await submit({ query: '?destination=my-results' })
    expect(fixture.asked.topicExists).toBe(1)
    fixture.time.pass(10_000)
    await submit({ query: '?destination=my-results' })
    expect(fixture.asked.topicExists).toBe(2)
    await submit({ query: '?destination=s3:new' })
    fixture.buckets.add('new')
    expect((await submit({ query: '?destination=s3:new' })).statusCode).toBe(202)
    expect(fixture.asked.bucketExists).toBe(2)
  })
})
