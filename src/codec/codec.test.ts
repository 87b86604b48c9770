import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exerciseCodec } from '../../test/contract/codec.ts'
import { anyMessage, messages } from '../../test/contract/codec-messages.ts'
import { jobId } from '../domain/ids.ts'
import type { Job } from '../domain/job.ts'
import type { Message, MessageType, SubjobStarted, SubmitJob } from '../domain/messages.ts'
import type { Decoded } from './codec.ts'
import { digestOf } from './digest.ts'
import { localCodec } from './local-codec.ts'
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

function now<D extends Decoded>(decoded: D | Promise<D>): D {
  if (decoded instanceof Promise) throw new Error('expected an answer at once')
  return decoded
}

function causeOf(decoded: Decoded | Promise<Decoded>): string {
  const answer = now(decoded)
  return answer.ok ? 'none' : answer.cause
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

exerciseCodec('without a registry', () => Promise.resolve(localCodec()))

describe('round trip', () => {
  test.each(MESSAGE_TYPES)('a %s comes back as it was', (type) => {
    const codec = localCodec()
    fc.assert(
      fc.property(messages[type] as fc.Arbitrary<Message>, (message) => {
        expect(messageOf(now(codec.decode(codec.encode(message))))).toEqual(message)
      }),
    )
  })

  test('records larger than any before keep their bytes', () => {
    const codec = localCodec()
    const worker = 'x'.repeat(3_000_000)
    expect(messageOf(now(codec.decode(codec.encode({ ...started, worker }))))).toEqual({ ...started, worker })
    expect(messageOf(now(codec.decode(codec.encode(started))))).toEqual(started)
  })

  test.each([2 ** 53 - 2, -(2 ** 52)])('%d, the outermost whole number, is exact', (at) => {
    const codec = localCodec()
    expect(messageOf(now(codec.decode(codec.encode({ ...started, at }))))).toEqual({ ...started, at })
  })

  test.each([
    [2n ** 53n - 1n, Buffer.from('feffffffffffff1f', 'hex')],
    [-(2n ** 52n) - 1n, Buffer.from('8180808080808010', 'hex')],
    [-(2n ** 63n), Buffer.from('ffffffffffffffffff01', 'hex')],
  ])('%d is refused rather than read as another number', (number, bytes) => {
    const record = localCodec().encode({ ...started, at: 0 })
    const value = Buffer.concat([record.subarray(0, -1), bytes])
    const cause = `a number of it, ${number}, is not between -4503599627370496 and 9007199254740990`
    expect(causeOf(localCodec().decode(value))).toContain(cause)
  })

  test('a message that its type does not allow is not encoded, and the error names the field', () => {
    expect(() => localCodec().encode({ ...started, index: 1.5 })).toThrow(/SubjobStarted: index is a number, not "int"/)
  })
})

describe('records that hold no message', () => {
  const codec = localCodec()
  const record = codec.encode(started)

  test.each([
    ['an empty one', Buffer.alloc(0), 'the record is empty'],
    ['text', Buffer.from('hello'), 'the record starts with byte 0x68'],
    ['half a header', Buffer.from([0, 0, 0]), 'the record has 3 bytes'],
    ['a schema id that no registry gives', prefixed(-1, Buffer.alloc(3)), 'the record names schema -1'],
    ['a body that goes on', Buffer.concat([record, Buffer.alloc(2)]), '2 bytes follow after its last field'],
  ])('%s: the cause says so', (_, value, cause) => {
    expect(causeOf(codec.decode(value))).toContain(cause)
  })

  test('a body that is cut anywhere: the cause says so', () => {
    for (let end = 5; end < record.length; end += 1) {
      expect(causeOf(codec.decode(record.subarray(0, end)))).toContain('it ends before its last field does')
    }
  })

  test('a type that does not belong on the topic: the cause names it', () => {
    expect(causeOf(codec.decode(record, ['SubmitJob']))).toBe('the record is a SubjobStarted, which does not belong on this topic')
    expect(messageOf(now(codec.decode(record, ['SubjobStarted', 'SubjobEnded'])))).toEqual(started)
  })

  test('an array that claims more than the record holds is refused at once', () => {
    const schema = messageSchemas.SubmitJob.type
    const empty = Buffer.from(schema.toBuffer({ kind: 'READ', operations: [] }))
    // The empty array of operations is the ninth byte from the end; the claim is 2^62 items.
    const claim = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01])
    const value = prefixed(1, Buffer.concat([empty.subarray(0, -9), claim, empty.subarray(-8)]))
    expect(causeOf(codec.decode(value))).toContain('claims more items than the record has bytes')
  })

  test('any bytes behind a known schema id give a message or a cause, and nothing else', () => {
    const ids = fc.integer({ min: 1, max: MESSAGE_TYPES.length })
    fc.assert(
      fc.property(ids, fc.uint8Array({ maxLength: 400 }), (id, bytes) => {
        expect(now(codec.decode(prefixed(id, Buffer.from(bytes))))).toHaveProperty('ok')
      }),
      { numRuns: 3000 },
    )
  })

  test('any message with one byte changed gives a message or a cause, and nothing else', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.nat(255), (message, position, byte) => {
        const value = codec.encode(message)
        value[5 + (position % Math.max(1, value.length - 5))] = byte
        expect(now(codec.decode(value))).toHaveProperty('ok')
      }),
      { numRuns: 1000 },
    )
  })
})

const job: Job = {
  jobId: jobId('job'),
  number: 7,
  tenant: 'default',
  dialect: 'ncmp',
  dialectData: null,
  kind: 'READ',
  destination: 'kafka:results',
  dataAcceptType: 'a',
  dataContentType: 'b',
  priority: 100,
  labels: {},
  deadlineAt: null,
  attemptsMax: 3,
  submittedBy: null,
  traceparent: null,
  digest: 'd',
  createdAt: 1,
  strict: false,
  submission: null,
  parts: 0,
  partsLeft: 0,
  released: [], generated: [], abandonedAt: null, milestones: [],
  callbacks: {},
  held: false,
  run: 1,
  operations: { total: 1, succeeded: 0, failed: 0 },
  subjobs: { total: 1, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0 },
  message: null,
  state: 'accepted',
}

describe('states', () => {
  const codec = localCodec()
  const write = (type: MessageType, record: object): Buffer =>
    prefixed(MESSAGE_TYPES.indexOf(type) + 1, messageSchemas[type].type.toBuffer(record))

  test.each([
    ['running', {}, 'job.startedAt is missing, which a job that is running has'],
    ['concluding', { startedAt: 1 }, 'job.outcome is missing, which a job that is concluding has'],
    ['ended', { startedAt: 1, outcome: 'failed' }, 'job.finishedAt is missing, which a job that is ended has'],
  ])('a job that is %s without all that belongs to it is undecodable', (state, more, cause) => {
    expect(causeOf(codec.decode(write('JobChanged', { job: { ...job, state, ...more } })))).toBe(cause)
  })

  test.each([
    ['queued', {}, 'subjob.notBefore'],
    ['submitting', {}, 'subjob.attempt'],
    ['polling', { attempt: { number: 1, worker: 'w', startedAt: 1 } }, 'subjob.dataProducerJobId'],
    ['publishing', {}, 'subjob.source'],
    ['publishing', { source: { type: 'failure', code: 102 }, failures: 0 }, 'subjob.source.message'],
    ['publishing', { source: { type: 'result' }, failures: 0 }, 'subjob.source.dataProducerJobId'],
    ['ended', {}, 'subjob.end'],
  ])('a subjob that is %s without all that belongs to it is undecodable', (state, more, field) => {
    const cause = causeOf(codec.decode(write('SubjobProgressed', { jobId: 'j', index: 0, subjob: { state, attempts: [], ...more } })))
    expect(cause).toContain(`${field} is missing`)
  })

  test.each([
    ['blocked', 'assignment.parentsLeft'],
    ['ended', 'assignment.outcome'],
  ])('an assignment that is %s without all that belongs to it is undecodable', (state, field) => {
    const assignment = { index: 0, producerKey: 'd#', operations: 1, children: [], state }
    expect(causeOf(codec.decode(write('AssignmentChanged', { jobId: 'j', assignment })))).toContain(`${field} is missing`)
  })

  test('a response code that is not one of ours is undecodable', () => {
    const attempt = { number: 1, worker: 'w', startedAt: 1, endedAt: 2, outcome: 'failed', code: 999 }
    expect(causeOf(codec.decode(write('SubjobAttemptFailed', { jobId: 'j', index: 0, attempt })))).toBe(
      'attempt.code is "999", which this build does not know',
    )
  })
})

describe('commands in Avro', () => {
  const codec = localCodec()
  const write = (record: object): Buffer => prefixed(1, messageSchemas.SubmitJob.type.toBuffer({ kind: 'READ', ...record }))
  const operation = { operationId: 'o', op: 'read', path: '/a' }

  test('what a client leaves out gets its default, the digest is computed and the time is the record\'s', () => {
    const command = now(codec.decodeCommand(write({ operations: [operation] }), 42))
    expect(command).toMatchObject({ ok: true, message: { tenant: 'default', dialect: 'kafka', priority: 100, createdAt: 42 } })
    const message = messageOf(command) as SubmitJob
    expect(message.digest).toBe(digestOf(message))
  })

  test('the time that a client gives is kept', () => {
    expect(now(codec.decodeCommand(write({ operations: [operation], createdAt: 7 }), 42))).toMatchObject({ message: { createdAt: 7 } })
  })

  test('texts that are no JSON, or not JSON of the allowed kind, do not get into requests', () => {
    const cause = (more: object): string => causeOf(codec.decodeCommand(write({ operations: [operation, { ...operation, ...more }] }), 0))
    expect(cause({ value: '1},{"op":"remove"' })).toContain('operations[1].value: it is not valid JSON')
    const deep = `${'['.repeat(65)}${']'.repeat(65)}`
    expect(cause({ value: deep })).toContain('operations[1].value: objects and arrays in it are nested deeper than the 64 allowed')
    expect(cause({ value: JSON.stringify('['.repeat(200)) })).toBe('none')
    expect(cause({ options: '[]' })).toContain('operations[1].options: it is not a valid JSON object')
    expect(cause({ options: '{"path":"/b"}' })).toContain('operations[1].options: "path" is not one of attributes, fields')
    expect(cause({ options: '{"fields":"a","fields":"b"}' })).toContain('"fields" is there twice')
    expect(cause({ options: '{"fields":tru}' })).toContain('operations[1].options: it is not a valid JSON object')
  })

  test('another message on the command topic is refused', () => {
    expect(causeOf(codec.decodeCommand(codec.encode(started), 0))).toContain('does not belong on this topic')
  })

  test('a command that nobody asked for is read no further than its schema id', () => {
    const part = codec.encode({ type: 'AddOperations', submission: 's', part: 0, authorization: null, operations: [] })
    const broken = part.subarray(0, part.length - 2)
    expect(causeOf(codec.decodeCommand(broken, 0, ['SubmitJob', 'CancelJob']))).toContain('a AddOperations, which does not belong')
    expect(causeOf(codec.decodeCommand(broken, 0))).toContain('is not a AddOperations of schema')
  })

  test('a part of a job is read up to its operations, and whole later', () => {
    const operations = [1, 'two'].map((operationId) => ({ operationId, op: 'merge', path: '/a', value: '{}', options: null }) as const)
    const part = { type: 'AddOperations', submission: 's', part: 3, authorization: 'token', operations } as const
    const value = codec.encode(part)
    expect(now(codec.decodeCommandHead(value, 42))).toEqual({ ok: true, message: { ...part, operations: [] } })
    expect(codec.decodePart(value)).toEqual({ ok: true, message: part })
    const broken = value.subarray(0, -1)
    expect(now(codec.decodeCommandHead(broken, 42))).toMatchObject({ ok: true, message: { part: 3 } })
    expect(codec.decodePart(broken)).toMatchObject({ ok: false, cause: expect.stringContaining('it ends before its last field') as string })
    expect(causeOf(codec.decodeCommandHead(value.subarray(0, 7), 42))).toContain('is not a AddOperations of schema')
    expect(() => codec.decodePart(Buffer.concat([Buffer.of(0, 0, 0, 9, 9), value]))).toThrow('broken invariant')
  })

  test('of every other command the head is all of it', () => {
    const values = [write({ operations: [operation] }), Buffer.from('{"operations":[{"op":"read","path":"/a"}]}'), codec.encode(started)]
    for (const value of values) expect(now(codec.decodeCommandHead(value, 42))).toEqual(now(codec.decodeCommand(value, 42)))
  })
})
