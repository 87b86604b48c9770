import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { Registry } from 'prom-client'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { brokerAway, RestFixture, type Submission, submitTo } from '../../../../test/fakes/rest-fixture.ts'
import { KafkaFailure } from '../../../kafka/port.ts'

const READ = { op: 'read', path: '/ManagedElement=1' }
const JOB_ID = 'jobId: a job id has 1 to 256 characters, none of them a control character or half a surrogate pair'
const CREATE = 'and send the job again, name another destination, or leave it out to keep the results here.'

describe('a job that asks for what can’t be done', () => {
  const fixture = new RestFixture()
  let app: FastifyInstance

  beforeAll(async () => {
    app = await fixture.build()
    return () => app.close()
  })

  it.each([
    [
      'a destination that Kafka would refuse', { query: '?destination=kafka:a%20b' }, 400,
      'destination: destination "a b" is not a topic name: 1 to 249 of a-z, A-Z, 0-9, ".", "_" and "-"', '',
    ],
    [
      'a destination of ours', { query: '?destination=datajob.commands' }, 400,
      'destination: destination "datajob.commands" is not allowed: topics that start with "datajob." or "__" are internal',
      '',
    ],
    [
      'a topic that does not exist', { query: '?destination=other' }, 422, 'The topic "other" does not exist',
      `Create the topic ${CREATE} "s3:other" would name a bucket.`,
    ],
    [
      'a bucket that does not exist', { query: '?destination=s3:other' }, 422, 'The bucket "other" does not exist',
      `Create the bucket ${CREATE} "kafka:other" would name a topic.`,
    ],
    [
      'two destinations',
      {
        query: '?destination=my-results',
        body: { dataJobMetadata: { destination: 's3:my-bucket' }, dataJobReadRequest: { data: [READ] } },
      },
      400, 'The query says destination "my-results", the body "s3:my-bucket"',
      'Say it in one place, or the same in both.',
    ],
    [
      'an option that is not known', { query: '?dryrun=true' }, 400, 'Unknown query parameter: "dryrun"',
      'Known are: destination, strict, dryRun, deadline.',
    ],
    ['no operations', { body: { data: [] } }, 400, 'data: a job has at least one operation', ''],
    [
      'the same operation twice',
      { body: { dataJobReadRequest: { data: [{ ...READ, operationId: 1 }, { ...READ, operationId: '1' }] } } }, 400,
      'dataJobReadRequest.data[1].operationId: "1" is there twice', '',
    ],
    [
      'an operation of the other kind', { body: { dataJobWriteRequest: { data: [READ] } } }, 400,
      'dataJobWriteRequest.data[0].op: "read" is not one of add, merge, replace, remove, action, which a WRITE job may hold',
      '',
    ],
    ['an empty path', { body: { data: [{ op: 'read', path: '' }] } }, 400, 'data[0].path: a path is not empty', ''],
    [
      'a path that is too long', { body: { data: [{ op: 'read', path: 'a'.repeat(201) }] } }, 400,
      'data[0].path: a path of 201 characters is longer than the 200 allowed', '',
    ],
    ['an id that is too long', { body: { jobId: 'a'.repeat(257), data: [READ] } }, 400, JOB_ID, ''],
    [
      'an id that no path can hold', { body: { jobId: '..', data: [READ] } }, 400,
      'jobId: ".." cannot be part of a path', '',
    ],
    ['an id that has no UTF-8', { body: '{"jobId":"\\ud800","data":[{"op":"read","path":"/a"}]}' }, 400, JOB_ID, ''],
    [
      'an empty key', { headers: { 'idempotency-key': '' } }, 400,
      'header idempotency-key must NOT have fewer than 1 characters', '',
    ],
  ])('has %s: it is refused and nothing is written', async (_what, submission, status, message, details) => {
    const answer = await submitTo(app, submission)
    expect(answer.json()).toEqual({ status: expect.stringMatching(`^${status} `) as string, message, details })
    expect(answer.statusCode).toBe(status)
    expect(fixture.written).toEqual([])
  })
})

describe('a job that can’t be taken', () => {
  let fixture: RestFixture
  let app: FastifyInstance

  const submit = (submission?: Submission): Promise<LightMyRequestResponse> => submitTo(app, submission)

  beforeEach(async () => {
    fixture = new RestFixture()
    app = await fixture.build()
    return () => app.close()
  })

  it('says so when the broker takes smaller records only', async () => {
    fixture.outage = new KafkaFailure('too large', { code: 'MESSAGE_TOO_LARGE', disposition: 'reject' })
    const answer = await submit()
    expect(answer.statusCode).toBe(413)
    expect(answer.json()).toMatchObject({ message: 'The job is larger than the broker allows' })
  })

  it('is told to come back while the topic of commands is not there, which an operator can make again', async () => {
    fixture.outage = new KafkaFailure('gone', { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject' })
    const answer = await submit()
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2'])
    expect(answer.json()).toMatchObject({
      message: 'A topic that this needs is not there',
      details: expect.stringContaining('"datajob topics apply"') as string,
    })
  })

  describe('with Kafka away', () => {
    it('is told to come back, before and after the destination is known', async () => {
      fixture.outage = brokerAway
      for (const query of ['?destination=my-results', '']) {
        const answer = await submit({ query })
        expect(answer.statusCode).toBe(503)
        expect(answer.headers['retry-after']).toBe('2')
        expect(answer.json()).toEqual({
          status: '503 SERVICE_UNAVAILABLE',
          message: 'Kafka cannot be reached, or did not answer in time',
          details: 'Send the request again. A job that was sent with a jobId or an Idempotency-Key is never taken twice.',
        })
      }
    })

    it('never hangs', async () => {
      fixture.outage = 'silence'
      const asking = submit().then((answer) => answer)
      await expect.poll(() => fixture.time.pending).toBe(1)
      fixture.time.pass(10_000)
      const answer = await asking
      expect(answer.statusCode).toBe(503)
      expect(answer.json()).toMatchObject({ message: 'Kafka did not answer within 10000 ms' })
    })

    it('is told to come back at once when too many wait already', async () => {
      app = await fixture.build({ limits: { submissionsInFlightMax: 2 }, metrics: new Registry() })
      fixture.outage = 'silence'
      const waiting = [submit(), submit()]
      await expect.poll(() => fixture.time.pending).toBe(2)
      const answer = await submit()
      expect(answer.statusCode).toBe(503)
      expect(answer.json()).toMatchObject({
        message: '2 jobs are being taken already',
        details: 'This one was not. Send it again.',
      })
      fixture.time.pass(10_000)
      expect((await Promise.all(waiting)).map(({ statusCode }) => statusCode)).toEqual([503, 503])
      fixture.outage = null
      expect((await submit()).statusCode).toBe(202)
    })
  })

  it('is told to come back when the object store can’t be asked', async () => {
    fixture.storeFailure = new Error('connect ECONNREFUSED 10.0.0.1:9000')
    const answer = await submit({ query: '?destination=s3:my-bucket' })
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
    expect(answer.json()).toMatchObject({ message: 'The object store cannot be asked for the bucket' })
    expect(answer.body).not.toContain('10.0.0.1')
  })
})
