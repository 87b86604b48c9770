/** The REST facade on a real broker, without the stages behind it: what it writes, refuses and answers. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Codec, createCodec } from '../../src/codec/codec.ts'
import type { JobCommandMessage, SubmitJob } from '../../src/domain/messages.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, PARTITIONS, type Service } from '../harness/installation.ts'
import type { Answer } from '../harness/service-client.ts'
import type { LoggedRecord, TopicLog } from '../harness/topic-log.ts'

const JOBS = '/ranoam/cm/v1/dataJob'

let installation: Installation
let service: Service
let codec: Codec
let commands: TopicLog
let results: TopicLog

beforeAll(async () => {
  const stack = givenStack()
  installation = await Installation.open('facade', stack)
  service = await installation.service('facade', { roles: 'facade,projector' })
  codec = await createCodec({ url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }, { schemas: 'lookUp', clock: systemClock })
  await service.client.ready()
  commands = await installation.follow(`${installation.prefix}commands`)
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

/** Sends a body byte for byte. */
async function post(path: string, body: string | Buffer): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(service.client.url + path, { method: 'POST', headers, body })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

async function recordOf(jobId: string): Promise<LoggedRecord> {
  const records = (await commands.settled()).filter(({ key }) => key === jobId)
  expect(records).toHaveLength(1)
  return records[0]!
}

async function commandOf(jobId: string): Promise<SubmitJob> {
  const { value } = await recordOf(jobId)
  const decoded = await codec.decodeCommand(value ?? Buffer.of(), 0)
  if (!decoded.ok) throw new Error(decoded.cause)
  if (decoded.message.type !== 'SubmitJob') throw new Error(`the command is a ${decoded.message.type}`)
  return decoded.message
}

describe('a command that the facade writes', () => {
  it('is on the home partition of its job, with its trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    for (const jobId of ['job-1', 'job/2 ä', '😀']) {
      const { status } = await service.client.submit({ jobId, data: [{ op: 'read', path: '/a' }] }, { traceparent })
      expect(status).toBe(202)
      const { partition, headers } = await recordOf(jobId)
      expect({ partition, headers }).toEqual({ partition: partitionOfKey(jobId, PARTITIONS), headers: { traceparent } })
    }
  })

  it('holds each value as its client wrote it', async () => {
    const values = ['12345678901234567890', '{ "a" : 1.50e+3,\n\t"é":"\\u00e9\\/" }', '"\\ud83d\\ude00 😀"', '[[],{}]', 'false']
    const data = values.map((value, at) => `{"op":"add","path":"/a=${at}","value": ${value} }`).join(',')
    expect((await post(JOBS, `{"jobId":"values","data":[${data}]}`)).status).toBe(202)
    const { operations } = await commandOf('values')
    expect(operations.map(({ value }) => value)).toEqual(values)
  })

  it('is one record as long as the broker takes it, else several: one that says how many, and those with the operations', async () => {
    const jobOf = (jobId: string, bytes: number): string => {
      const data = Array.from({ length: 100 }, (_, at) => ({ op: 'add', path: `/a=${at}`, value: 'x'.repeat(bytes / 100) }))
      return JSON.stringify({ jobId, data })
    }
    expect((await post(JOBS, jobOf('large', 980_000))).status).toBe(202)
    expect((await recordOf('large')).value?.length).toBeGreaterThan(980_000)
    expect((await post(JOBS, jobOf('larger', 1_000_000))).status).toBe(202)
    const records = (await commands.settled()).filter(({ key }) => key === 'larger')
    const messages: (JobCommandMessage | null)[] = []
    for (const { value } of records) {
      const decoded = await codec.decodeCommand(value ?? Buffer.of(), 0)
      messages.push(decoded.ok ? decoded.message : null)
    }
    expect(messages).toMatchObject([
      { type: 'SubmitJob', jobId: 'larger', operations: [], parts: 2, operationCount: 100 },
      { type: 'AddOperations', part: 0 },
      { type: 'AddOperations', part: 1 },
    ])
    const paths = messages.flatMap((message) => (message?.type === 'AddOperations' ? message.operations.map(({ path }) => path) : []))
    expect(paths).toEqual(Array.from({ length: 100 }, (_, at) => `/a=${at}`))
    expect(new Set(records.map(({ partition }) => partition))).toEqual(new Set([partitionOfKey('larger', PARTITIONS)]))
  })

  it('is there once for each of many jobs at a time', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => `many-${n}`)
    const answers = await Promise.all(ids.map((jobId) => service.client.submit({ jobId, data: [{ op: 'read', path: '/a' }] })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    const written = (await commands.settled()).map(({ key }) => key).filter((key) => key?.startsWith('many-'))
    expect(written.sort()).toEqual([...ids].sort())
    const statuses = await Promise.all(ids.map((jobId) => service.client.status(jobId)))
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200]))
  })

  it('is not there when the client went away before its body was whole', async () => {
    const { hostname, port, host } = new URL(service.client.url)
    const body = '{"jobId":"broken off","data":[{"op":"read","path":"/a"}]}'
    const head = `POST ${JOBS} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    const socket = connect(Number(port), hostname)
    await new Promise<void>((resolve) => {
      socket.write(head + body.slice(0, -1), () => {
        socket.destroy()
        resolve()
      })
    })
    expect((await service.client.status('broken off')).status).toBe(404)
    expect((await commands.settled()).filter(({ key }) => key === 'broken off')).toEqual([])
  })
})

describe('a destination', () => {
  const submitTo = (destination: string): Promise<Answer> =>
    service.client.submit({ data: [{ op: 'read', path: '/a' }] }, {}, destination)

  it('that is there is taken, with its scheme and without', async () => {
    const bucket = await installation.bucket('results')
    for (const destination of [results.topic, `kafka:${results.topic}`, `s3:${bucket}`]) {
      expect((await submitTo(destination)).status).toBe(202)
    }
  })

  it('that is missing is refused, until it was made', async () => {
    const topic = `client-${installation.prefix}late`
    const bucket = `${installation.prefix.replace('.', '-')}late`
    expect(await submitTo(topic)).toMatchObject({ status: 422, body: { message: `The topic "${topic}" does not exist` } })
    expect(await submitTo(`s3:${bucket}`)).toMatchObject({ status: 422, body: { message: `The bucket "${bucket}" does not exist` } })
    await installation.resultTopic('late')
    await installation.bucket('late')
    expect((await submitTo(topic)).status).toBe(202)
    expect((await submitTo(`s3:${bucket}`)).status).toBe(202)
  })

  it('of ours is refused', async () => {
    expect((await submitTo(`${installation.prefix}commands`)).status).toBe(400)
  })
})

describe('a job that nobody works on', () => {
  it('is NOT_STARTED, with what is known of it', async () => {
    const { body } = await service.client.submit({ jobId: 'waiting', data: [{ op: 'read', path: '/a' }] }, {}, results.topic)
    const { status, body: job } = await service.client.status('waiting')
    expect(status).toBe(200)
    expect(job).toMatchObject({ ...(body as object), kind: 'READ', counts: { operations: { total: 1, succeeded: 0, failed: 0 } } })
    const list = await service.client.request('GET', `${JOBS}?destination=${results.topic}&status=NOT_STARTED`)
    expect((list.body as { items: unknown[] }).items).toContainEqual(job)
  })

  it('is 404 under an id that nobody has', async () => {
    expect(await service.client.status('nobody')).toMatchObject({ status: 404, body: { status: '404 NOT_FOUND' } })
  })
})

describe('a registration', () => {
  it('of a plugin is there at once, and gone at once', async () => {
    const path = '/ncmpInventory/v1/dmi/one'
    const body = { baseUrl: 'http://127.0.0.1:9/', auth: { type: 'basic', username: 'u', password: 's3cret' } }
    const shown = { name: 'one', baseUrl: 'http://127.0.0.1:9', contract: 'dataJob', auth: { type: 'basic', username: 'u' } }
    expect(await service.client.request('PUT', path, { body })).toMatchObject({ status: 200, body: shown })
    expect(await service.client.request('GET', path)).toMatchObject({ status: 200, body: shown })
    expect((await service.client.request('DELETE', path)).status).toBe(204)
    expect((await service.client.request('GET', path)).status).toBe(404)
    expect(service.child.log().join('\n')).not.toContain('s3cret')
  })

  it('of 50,000 handles counts when it is answered', async () => {
    const createdCmHandles = Array.from({ length: 50_000 }, (_, at) => ({
      ...{ cmHandle: `ran-${at}`, alternateId: `/SubNetwork=1/ManagedElement=${at}`, dataProducerIdentifier: `p${at % 100}` },
    }))
    const created = await service.client.request('POST', '/ncmpInventory/v1/ch', { body: { dmiPlugin: 'one', createdCmHandles } })
    expect(created).toMatchObject({ status: 200, body: { created: 50_000, updated: 0, removed: 0 } })
    const removedCmHandles = ['ran-0', 'ran-49999', 'nobody']
    const removed = await service.client.request('POST', '/ncmpInventory/v1/ch', { body: { removedCmHandles } })
    expect(removed).toMatchObject({ status: 409, body: { details: '0 were created, 0 updated, 2 removed.' } })
  })
})
