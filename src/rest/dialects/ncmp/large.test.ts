import { readdirSync, rmSync } from 'node:fs'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonCodec } from '../../../../test/fakes/json-codec.ts'
import { brokerAway, RestFixture, type Submission, submitTo } from '../../../../test/fakes/rest-fixture.ts'
import type { AddOperations, SubmitJob } from '../../../domain/messages.ts'
import { NO_AUTH } from '../../auth.ts'
import { startServer } from '../../server.ts'
import { KafkaFailure, type OutputRecord } from '../../../kafka/port.ts'

const LIMITS = { commandBytesMax: 4_000, uploadWindowBytesMax: 20_000 }
const PRODUCERS = 7
const lost = new KafkaFailure('no answer came', { code: 'REQUEST_TIMED_OUT', disposition: 'restart' })

function operationsOf(count: number): readonly object[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ op: 'merge', operationId: n, path: `/ManagedElement=${n % PRODUCERS}/Cell=${n}`, value: { n, text: 'x'.repeat(40) } },
  }))
}

describe('a job that no record can hold', () => {
  let fixture: RestFixture
  let app: FastifyInstance

  beforeEach(async () => {
    fixture = new RestFixture()
    for (let n = 0; n < PRODUCERS; n += 1) {
      fixture.handles.set(`ch-${n}`, {
        ...{ type: 'HandleRegistered', alternateId: `/ManagedElement=${n}`, cmHandle: `ch-${n}`, moduleSetTag: '' },
        ...{ dataProducerId: `p-${n}`, service: 'dmi', writeService: null, state: 'READY', properties: {} },
      })
    }
    app = await fixture.build({ limits: LIMITS })
  })
  afterEach(async () => {
    await app.close()
    rmSync(fixture.spoolFolder, { recursive: true, force: true })
  })

  const submit = (submission: Submission): Promise<LightMyRequestResponse> => submitTo(app, submission)
  const large = (count = 500, jobId?: string): Submission => ({ body: { jobId, data: operationsOf(count) } })
  const written = (): { readonly command: SubmitJob; readonly parts: readonly AddOperations[] } => {
    const [command, ...parts] = fixture.written.map(({ value }) => {
      const decoded = jsonCodec.decode(value ?? Buffer.of())
      return decoded.ok ? decoded.message : decoded.cause
    }) as unknown[]
    return { command: command as SubmitJob, parts: parts as AddOperations[] }
  }

  it('is written as its command and parts behind it, in which every operation is once', async () => {
    const answer = await submit({ ...large(), headers: { authorization: 'Bearer t0ken' } })
    expect(answer.statusCode).toBe(202)
    const { command, parts } = written()
    expect(command).toMatchObject({ type: 'SubmitJob', kind: 'WRITE', operations: [], operationCount: 500, parts: parts.length })
    expect(parts.map(({ type, part }) => [type, part])).toEqual(parts.map((_, part) => ['AddOperations', part]))
    const marks = parts.map(({ submission, authorization }) => ({ submission, authorization }))
    expect(marks).toEqual(parts.map(() => ({ submission: command.submission, authorization: 't0ken' })))
    const ids = parts.flatMap(({ operations }) => operations.map(({ operationId }) => operationId))
    expect(ids.toSorted((one, other) => Number(one) - Number(other))).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(new Set(fixture.written.map(({ key, partition }) => `${key} ${partition}`)).size).toBe(1)
  })

  it('has runs of one producer in its parts, each producer’s in the request’s order', async () => {
    await submit(large())
    const operations = written().parts.flatMap((part) => part.operations)
    const producers = operations.map(({ path }) => path.slice(0, path.indexOf('/Cell')))
    const runs = producers.filter((producer, at) => producer !== producers[at - 1]).length
    // 500 operations of about 130 bytes are four windows, in each of which a producer has one run.
    expect(runs).toBeLessThanOrEqual(5 * PRODUCERS)
    for (let n = 0; n < PRODUCERS; n += 1) {
      const ids = operations.filter(({ path }) => path.startsWith(`/ManagedElement=${n}/`)).map(({ operationId }) => Number(operationId))
      expect(ids).toEqual(ids.toSorted((one, other) => one - other))
    }
  })

  it('is found at once, and the same however often it is sent', async () => {
    const first = await submit(large(500, 'job-1'))
    const count = fixture.written.length
    const second = await submit(large(500, 'job-1'))
    expect([first.statusCode, second.statusCode]).toEqual([202, 202])
    expect(second.json()).toEqual(first.json())
    expect(fixture.written).toHaveLength(count)
    expect((await app.inject('/ranoam/cm/v1/dataJob/job-1')).json()).toMatchObject({ counts: { operations: { total: 500 } } })
    expect((await submit(large(501, 'job-1'))).statusCode).toBe(409)
    expect(fixture.written).toHaveLength(count)
  })

  const begun = JSON.stringify({ data: operationsOf(500) }).slice(0, -2)

  it.each([
    ['the last operation is no JSON', `${begun},{"op":"merge","path":"/a","value":{x}}]}`, 400],
    ['the body ends before the array does', begun, 400],
    ['the body goes on behind its end', `${begun}]}]`, 400],
    ['an id is there twice, far apart', { data: [...operationsOf(500), { op: 'remove', path: '/a', operationId: 0 }] }, 400],
    ['it has more operations than are allowed', { data: operationsOf(1_001) }, 413],
    ['its last operation does the other kind', { data: [...operationsOf(500), { op: 'read', path: '/a', operationId: 'r' }] }, 400],
    ['an operation is larger than a record', { data: [...operationsOf(500), { op: 'add', path: '/a', value: 'x'.repeat(3_999) }] }, 413],
  ])('leaves nothing when %s', async (_what, body, status) => {
    const answer = await submit({ body })
    expect(answer.statusCode).toBe(status)
    expect(fixture.written).toEqual([])
    expect(readdirSync(fixture.spoolFolder)).toEqual([])
    // Its place among the large jobs is free again.
    for (let n = 0; n < 5; n += 1) expect((await submit(large())).statusCode).toBe(202)
  })

  it('tells a client that sends on why it is refused, on a connection that can be used again', async () => {
    const url = `${await startServer(app, { host: '127.0.0.1', port: 0, insecure: false }, NO_AUTH)}/ranoam/cm/v1/dataJob`
    const headers = { 'content-type': 'application/json' }
    const wrong = `{"data":[{},${JSON.stringify(operationsOf(900)).slice(1)}}`
    for (let n = 0; n < 3; n += 1) {
      const answer = await fetch(url, { method: 'POST', headers, body: wrong })
      expect([answer.status, await answer.json()]).toMatchObject([400, { message: 'data[0].op: it is missing' }])
    }
  })

  it('is told to come back while as many are taken as may be', async () => {
    app = await fixture.build({ limits: { ...LIMITS, uploadsMax: 1 }, metrics: new Registry() })
    fixture.outage = 'silence'
    const waiting = submit(large()).then((answer) => answer)
    await expect.poll(() => fixture.time.pending).toBe(1)
    const answer = await submit(large())
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2'])
    expect(answer.json()).toMatchObject({ message: '1 large jobs are being taken already' })
    fixture.time.pass(60_000)
    expect((await waiting).statusCode).toBe(503)
  })

  it('is told to come back with Kafka away', async () => {
    fixture.outage = brokerAway
    const answer = await submit(large(500, 'job-1'))
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2'])
    fixture.outage = null
    expect((await submit(large(500, 'job-1'))).statusCode).toBe(202)
  })

  describe('whose commit gets no answer', () => {
    const building = (becomes: 'there' | 'lost'): Promise<FastifyInstance> => {
      const send = async (batches: AsyncIterable<readonly OutputRecord[]>): Promise<never> => {
        for await (const [record] of batches) {
          if (becomes === 'there' && record?.value?.toString().startsWith('{"') === true) {
            await fixture.writeCommand(JSON.parse(record.value.toString()) as SubmitJob)
          }
        }
        throw lost
      }
      const openLargeProducer = () => Promise.resolve({ commitAll: send, close: () => Promise.resolve() })
      return fixture.build({ limits: LIMITS, metrics: new Registry(), openLargeProducer })
    }

    it('is accepted when it is there all the same', async () => {
      app = await building('there')
      expect((await submit(large())).statusCode).toBe(202)
    })

    it('is to be sent again when it is not', async () => {
      app = await building('lost')
      expect((await submit(large())).statusCode).toBe(503)
    })

    it('is to be sent again when nobody can say', async () => {
      app = await building('lost')
      fixture.pauseReading()
      expect((await submit(large(500, 'job-1'))).json()).toMatchObject({ message: 'Whether the job "job-1" was written is not known' })
    })
  })
})
