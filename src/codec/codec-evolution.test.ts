import avro from 'avsc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { submitJob } from '../../test/contract/codec-messages.ts'
import type { Message, MessageType, SubjobStarted } from '../domain/messages.ts'
import { AvroCodec, type Decoded } from './codec.ts'
import { MESSAGE_TYPES, messageSchemas } from './schemas.ts'

const started: SubjobStarted = {
  type: 'SubjobStarted',
  jobId: 'job',
  index: 3,
  run: 1,
  attempt: 1,
  worker: 'w',
  dataProducerJobId: 'p',
  at: 1_700_000_000_000,
}

const job = {
  jobId: 'job',
  number: 7,
  kind: 'READ',
  destination: 'kafka:results',
  attemptsMax: 3,
  digest: 'd',
  createdAt: 1,
  operations: { total: 1, succeeded: 0, failed: 0 },
  subjobs: { total: 1, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0 },
}

function now<D extends Decoded>(decoded: D | Promise<D>): D {
  if (decoded instanceof Promise) throw new Error('expected an answer at once')
  return decoded
}

function messageOf(decoded: Decoded): Message {
  if (!decoded.ok) throw new Error(decoded.cause)
  return decoded.message
}

function prefixed(id: number, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.writeInt32BE(id, 1)
  return Buffer.concat([header, body])
}

const OTHER_ID = 1000

/** A registry that knows one more schema beside ours. */
function codecKnowing(schema: avro.Type | string | Error, clock = { now: () => 0 }): { codec: AvroCodec; fetched: number[] } {
  const fetched: number[] = []
  const ids = Object.fromEntries(MESSAGE_TYPES.map((type, position) => [type, position + 1])) as Record<MessageType, number>
  const fetchSchema = (id: number): Promise<avro.Type | string> => {
    fetched.push(id)
    return schema instanceof Error ? Promise.reject(schema) : Promise.resolve(schema)
  }
  return { codec: new AvroCodec({ ids, fetchSchema, clock }), fetched }
}

interface RecordSchema {
  readonly type: 'record'
  readonly name: string
  readonly namespace: string
  readonly fields: { name: string; type: avro.Schema; default?: unknown }[]
}

/** Our schema of a message as another build has it. */
function evolved(type: MessageType, change: (schema: RecordSchema) => RecordSchema): avro.Type {
  return avro.Type.forSchema(change(JSON.parse(messageSchemas[type].text) as RecordSchema))
}

test('a newer record with a field that has a default is read, its addition left out', async () => {
  const newer = evolved('SubjobStarted', (schema) => ({
    ...schema,
    fields: [{ name: 'site', type: 'string', default: '' }, ...schema.fields],
  }))
  const { codec, fetched } = codecKnowing(newer)
  const value = prefixed(OTHER_ID, newer.toBuffer({ ...started, site: 'north' }))
  expect(messageOf(await codec.decode(value))).toEqual(started)
  expect(messageOf(now(codec.decode(value)))).toEqual(started)
  expect(fetched).toEqual([OTHER_ID])
})

test('an older record is read with defaults for what it did not know yet', async () => {
  const older = evolved('SubmitJob', (schema) => ({
    ...schema,
    fields: schema.fields.filter(({ name }) => !['labels', 'priority', 'dependencies'].includes(name)),
  }))
  await fc.assert(
    fc.asyncProperty(submitJob, async (message) => {
      const { codec } = codecKnowing(older)
      const read = messageOf(await codec.decode(prefixed(OTHER_ID, older.toBuffer(message))))
      expect(read).toEqual({ ...message, labels: {}, priority: 100, dependencies: [] })
    }),
  )
})

test('an older build can read what this one writes when only a field with a default was added', () => {
  const older = evolved('SubjobEnded', (schema) => ({ ...schema, fields: schema.fields.filter(({ name }) => name !== 'attempts') }))
  const writer = messageSchemas.SubjobEnded.type
  const body = writer.toBuffer({ jobId: 'j', index: 0, outcome: 'failed', succeeded: 0, failed: 1, at: 1 })
  expect(older.fromBuffer(body, older.createResolver(writer))).toMatchObject({ jobId: 'j', outcome: 'failed' })
})

test('a state that only a newer build knows makes that record undecodable, and no other', async () => {
  const text = messageSchemas.JobChanged.text.replace('"ended", "cancelling"]', '"ended", "cancelling", "paused"]')
  expect(text).not.toBe(messageSchemas.JobChanged.text)
  const newer = avro.Type.forSchema(JSON.parse(text) as avro.Schema)
  const { codec } = codecKnowing(newer)
  const record = (state: string): Buffer => prefixed(OTHER_ID, newer.toBuffer({ job: { ...job, startedAt: 5, state } }))
  expect(await codec.decode(record('paused'))).toEqual({ ok: false, cause: 'job.state is "unknown", which this build does not know' })
  expect(await codec.decode(record('running'))).toMatchObject({ ok: true, message: { job: { state: 'running', startedAt: 5 } } })
})

test('a schema that is none of ours, or that lacks what we need: the cause says so', async () => {
  const foreign = avro.Type.forSchema({ type: 'record', name: 'Order', namespace: 'shop', fields: [] })
  expect(await codecKnowing(foreign).codec.decode(prefixed(OTHER_ID, Buffer.alloc(0)))).toEqual({
    ok: false,
    cause: 'schema 1000 is shop.Order, which is none of ours',
  })
  const lacking = evolved('SubjobStarted', (schema) => ({ ...schema, fields: schema.fields.slice(1) }))
  const answer = await codecKnowing(lacking).codec.decode(prefixed(OTHER_ID, Buffer.alloc(9)))
  expect(answer).toMatchObject({ ok: false, cause: expect.stringContaining('schema 1000, a SubjobStarted, is not compatible') as string })
})

test('a schema that the registry does not know is asked for again only after a while', async () => {
  let at = 0
  const { codec, fetched } = codecKnowing('the registry has no schema 1000', { now: () => at })
  const value = prefixed(OTHER_ID, Buffer.alloc(9))
  expect(await codec.decode(value)).toEqual({ ok: false, cause: 'the registry has no schema 1000' })
  expect(await codec.decode(value)).toEqual({ ok: false, cause: 'the registry has no schema 1000' })
  expect(fetched).toHaveLength(1)
  at = 30_001
  await codec.decode(value)
  expect(fetched).toHaveLength(2)
})

test('a registry that does not answer is an error, not a cause, and is asked again', async () => {
  const { codec, fetched } = codecKnowing(new Error('unreachable'))
  const value = prefixed(OTHER_ID, Buffer.alloc(9))
  await expect(codec.decode(value)).rejects.toThrow('unreachable')
  await expect(codec.decode(value)).rejects.toThrow('unreachable')
  expect(fetched).toHaveLength(2)
})
