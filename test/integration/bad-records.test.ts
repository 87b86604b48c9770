/** What becomes of bad records on the service's topics: each is set aside with the cause, and the partition moves on. */
import { gzipSync } from 'node:zlib'
import { type Message, Partitioners, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Codec, createCodec } from '../../src/codec/codec.ts'
import type { SubjobStarted } from '../../src/domain/messages.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, PARTITIONS, type Service } from '../harness/installation.ts'
import { recordsOf } from '../harness/job-in-parts.ts'
import { countsOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { LoggedRecord, TopicLog } from '../harness/topic-log.ts'

/** max.message.bytes of the command topic. */
const COMMAND_BYTES_MAX = 1_048_576

const stack = givenStack()
let installation: Installation
let service: Service
let codec: Codec
let producer: Producer
let results: TopicLog
let deadLetters: TopicLog

beforeAll(async () => {
  installation = await Installation.open('bad-records', stack)
  service = await installation.service('service')
  codec = await createCodec({ url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }, { schemas: 'lookUp', clock: systemClock })
  producer = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await service.client.ready()
  await installation.network(service.client, 'north')
  results = await installation.resultTopic('results')
  deadLetters = await installation.follow(`${installation.prefix}dead-letters`)
})

afterAll(async () => {
  await installation.close()
  await producer.disconnect()
})

const planned = (): PlannedJob => planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['north'], operations: 5 })

function commandOf({ jobId, destination, operations }: PlannedJob): Buffer {
  const sent = operations.map(({ operationId, op, path }) => ({ operationId, op, path }))
  return Buffer.from(JSON.stringify({ jobId, destination, operations: sent }))
}

interface Place {
  readonly partition: number
  readonly offset: number
}

async function produce(topic: string, message: Message): Promise<Place> {
  const [sent] = await producer.send({ topic: installation.prefix + topic, acks: -1, messages: [message] })
  return { partition: sent?.partition ?? -1, offset: Number(sent?.baseOffset) }
}

/** The letter that a record at that place has become. */
async function letterOf(topic: string, { partition, offset }: Place): Promise<LoggedRecord> {
  const place = [installation.prefix + topic, String(partition), String(offset)]
  const isIt = ({ headers }: LoggedRecord): boolean =>
    ['topic', 'partition', 'offset'].every((name, at) => headers[`datajob_origin_${name}`] === place[at])
  await deadLetters.until(`${place.join('-')} is set aside`, (letters) => letters.some(isIt))
  return deadLetters.records.find(isIt)!
}

type Make = () => Buffer | null
type Row = readonly [what: string, value: Make, cause: RegExp]

/** What is given as text may hold any byte as `\xNN`. */
const bytes = (text: string): Make => () => Buffer.from(text, 'latin1')
const job = (operations: string, others = ''): Make => bytes(`{${others}"operations":[${operations}]}`)
const read = (members: string): string => `{"op":"read",${members}}`
const write = (value: string): string => `{"op":"add","path":"/a","value":${value}}`
const READ = read('"path":"/a"')

async function avroCommand(): Promise<Buffer> {
  const decoded = await codec.decodeCommand(commandOf(planned()), 0)
  if (!decoded.ok) throw new Error(decoded.cause)
  return codec.encode(decoded.message)
}

const started: SubjobStarted = {
  ...{ type: 'SubjobStarted', jobId: 'wrong-type', index: 0, attempt: 1, run: 1, worker: 'w', dataProducerJobId: 'p', at: 1 },
}

const json: readonly Row[] = [
  ['garbage', bytes('\x09\x08\x07\x06\x05\x04'), /starts with byte 0x09, not with 0x00 as Avro .* nor with \{ as JSON/],
  ['an empty value', bytes(''), /the record is empty/],
  ['a text', bytes('hello'), /starts with byte 0x68/],
  ['a list', bytes(`[${READ}]`), /starts with byte 0x5b/],
  ['packed JSON', () => gzipSync('{"operations":[]}'), /starts with byte 0x1f/],
  ['a byte order mark', bytes(`\xef\xbb\xbf{"operations":[${READ}]}`), /starts with byte 0xef/],
  ['JSON that ends in the middle', bytes('{"operations":[{"operationId":1,'), /not JSON as it should be: The document ended/],
  ['something behind the JSON', bytes(`{"operations":[${READ}]} x`), /Found "x" where the end of the document was expected/],
  ['bytes that are no UTF-8', job(read('"path":"/a\xff"')), /not valid UTF-8/],
  ['a name that is no JSON', bytes(`{"\\q":1,"operations":[${READ}]}`), /^the record is not JSON as it should be/],
  ['an unknown member', job(READ, '"destinaton":"a",'), /^destinaton: there is no such member, only type, jobId, /],
  ['an unknown member of an operation', job(read('"path":"/a","valeu":1')), /^operations\[0\]\.valeu: there is no such member/],
  ['a member twice', job(READ, '"jobId":"a","jobId":"b",'), /^jobId: it is there twice/],
  ['its operations twice', job(READ, `"operations":[${READ}],`), /second place where the array could be/],
  ['a type that there is none of', job(READ, '"type":"DropTables",'), /^type: "DropTables" is not one of /],
  ['a number for a text', job(READ, '"tenant":7,'), /^tenant: 7 is not a text/],
  ['a text for a number', job(READ, '"priority":"high",'), /^priority: "high" is not a whole number from /],
  ['an object for operations', bytes('{"operations":{}}'), /^operations: a job has an array of at least one operation/],
  ['no operations', job(''), /^operations: a job has an array of at least one operation/],
  ['no path', job(`${READ},{"op":"read"}`), /^operations\[1\]\.path: it is missing/],
  ['an empty path', job(read('"path":""')), /^operations\[0\]\.path: a path is not empty/],
  ['a path of 900,000 characters', job(read(`"path":"/${'a'.repeat(899_999)}"`)), /of 900000 characters is longer than the 4096/],
  ['an operation twice', job(`${read('"path":"/a","operationId":7')},${read('"path":"/a","operationId":"7"')}`), /"7" is there twice/],
  ['an operationId that is too long', job(read(`"path":"/a","operationId":"${'1'.repeat(9_999)}"`)), /1 to 256 characters, .* has 9999/],
  ['an operationId that JSON can’t keep', job(read('"path":"/a","operationId":9007199254740993')), /is not a whole number from/],
  ['reads and writes', job(`${READ},${write('1')}`), /^kind: 1 of the 2 operations read and the others write/],
  ['NaN', job(write('NaN')), /^operations\[0\]/],
  ['a million levels', job(write('['.repeat(1_000_000))), /nested deeper than the 64 levels allowed/],
  ['an id that is too long', job(READ, `"jobId":"${'a'.repeat(257)}",`), /^jobId: .*256/],
  ['a cancellation of nothing', bytes('{"type":"CancelJob"}'), /^jobId: it is missing/],
  ['a cancellation of a job that there is none of', bytes('{"type":"CancelJob","jobId":"nobody"}'), /^jobId: there is no job "nobody"/],
  ['a cancellation with operations', job(READ, '"type":"CancelJob","jobId":"a",'), /^operations: there is no such member/],
  ['a retry of a job that there is none of', bytes('{"type":"RetryJob","jobId":"nobody"}'), /^jobId: there is no job "nobody"/],
  ['a retry that can’t be counted', bytes('{"type":"RetryJob","jobId":"a","run":0}'), /^run: 0 is not a whole number from 1/],
  ['a destination that is none', job(READ, '"destination":"kafka:no such topic!",'), /^destination: destination "no such topic!"/],
  ['a bucket that is none', job(READ, '"destination":"s3:No_Bucket",'), /^destination: destination "No_Bucket"/],
  ['a destination of Kafka’s own', job(READ, '"destination":"kafka:__consumer_offsets",'), /internal/],
]

const avro: readonly (readonly [what: string, change: (value: Buffer) => Buffer, cause: RegExp])[] = [
  ['that ends in the middle', (value) => value.subarray(0, 200), /is not a SubmitJob of schema \d+/],
  ['that ends within its header', (value) => value.subarray(0, 3), /has 3 bytes, fewer than the header/],
  ['with bytes behind it', (value) => Buffer.concat([value, Buffer.of(1, 2)]), /2 bytes follow after its last field/],
  ['of no schema', (value) => withSchema(value, 0), /names schema 0/],
  ['of a schema that nobody has registered', (value) => withSchema(value, 4_000_000), /the registry has no schema 4000000/],
  // A text of 2^40 bytes is announced behind the header: none of them may be waited or made room for.
  [
    'that announces a terabyte',
    (value) => Buffer.concat([value.subarray(0, 5), Buffer.of(2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40)]),
    /is not a SubmitJob of schema/,
  ],
  ['of noise', (value) => Buffer.concat([value.subarray(0, 5), Buffer.alloc(100_000, 0xfe)]), /is not a SubmitJob of schema/],
]

function withSchema(value: Buffer, id: number): Buffer {
  value.writeUInt32BE(id, 1)
  return value
}

describe('a record on the command topic', () => {
  const witness = 'witness'

  /** Produces where the witness is at home, with headers that look like ours. */
  async function setAside(value: Buffer | null, key: string | null): Promise<LoggedRecord> {
    const headers = { 'x-client': 'kept', datajob_origin_topic: 'forged', datajob_cause: 'forged' }
    return letterOf('commands', await produce('commands', { key, value, partition: partitionOfKey(witness, PARTITIONS), headers }))
  }

  function expectLetter(letter: LoggedRecord, sent: Pick<LoggedRecord, 'key' | 'value'>, cause: RegExp): void {
    expect(letter).toMatchObject({ ...sent, headers: { datajob_stage: 'coordinator', 'x-client': 'kept' } })
    expect(letter.headers['datajob_cause']).toMatch(cause)
    // It goes into a header, and a person reads it.
    expect(letter.headers['datajob_cause']?.length).toBeLessThanOrEqual(2_000)
  }

  it.each(json)('is set aside: %s', async (what, value, cause) => {
    const sent = { key: what, value: value() }
    expectLetter(await setAside(sent.value, what), sent, cause)
  })

  it.each(avro)('is set aside: Avro %s', async (what, change, cause) => {
    const sent = { key: what, value: change(await avroCommand()) }
    expectLetter(await setAside(sent.value, what), sent, cause)
  })

  it('is set aside: a message that belongs on another topic', async () => {
    const sent = { key: 'k', value: codec.encode(started) }
    expectLetter(await setAside(sent.value, 'k'), sent, /is a SubjobStarted, which does not belong on this topic/)
  })

  it('is set aside: a part of a job that there is none of, or that says not of which', async () => {
    const part = { type: 'AddOperations', submission: 's', part: 0, authorization: null, operations: [] } as const
    const value = codec.encode({ ...part, operations: [{ operationId: 1, op: 'read', path: '/a', value: null, options: null }] })
    for (const key of ['nobody', null]) {
      const partition = partitionOfKey(key ?? '', PARTITIONS)
      const { headers } = await letterOf('commands', await produce('commands', { key, value, partition }))
      expect(headers['datajob_cause']).toMatch(key === null ? /^the key of an AddOperations/ : /^there is no job "nobody"/)
    }
  })

  it("is set aside: a part of a job whose operations can't be read; the others are carried out", async () => {
    const jobId = planned().jobId
    const value = JSON.stringify('x'.repeat(100_000))
    const operations = Array.from({ length: 20 }, (_, n) => {
      return { operationId: n, op: 'merge', path: '/SubNetwork=Test/ManagedElement=north-0', value, options: null } as const
    })
    const topic = `${installation.prefix}commands`
    const records = recordsOf({ jobId, kind: 'WRITE', destination: null, operations }, { topic, encode: (each) => codec.encode(each) })
    expect(records).toHaveLength(4)
    const partition = partitionOfKey(jobId, PARTITIONS)
    const places: Place[] = []
    for (const [n, record] of records.entries()) {
      const sent = n === 2 ? record.value!.subarray(0, -1) : record.value
      places.push(await produce('commands', { key: jobId, value: sent, partition }))
    }
    const { headers } = await letterOf('commands', places[2]!)
    expect(headers['datajob_cause']).toMatch(/is not a AddOperations of schema \d+: it ends before/)
    const ended = await service.client.ended(jobId)
    expect([ended.status, ended.counts.operations]).toEqual(['PARTIALLY_FAILED', { total: 20, succeeded: 12, failed: 8 }])
  })

  it('is set aside: one without a value', async () => {
    expectLetter(await setAside(null, 'k'), { key: 'k', value: null }, /no value/)
  })

  it('is set aside without a key when it had none', async () => {
    const sent = { key: null, value: Buffer.from('?') }
    expectLetter(await setAside(sent.value, null), sent, /starts with byte 0x3f/)
  })

  it('is set aside: a job for each of the service’s own topics', async () => {
    for (const topic of ['commands', 'subjobs', 'jobs', 'dead-letters', 'anything']) {
      const value = job(READ, `"destination":"kafka:${installation.prefix}${topic}",`)()
      expectLetter(await setAside(value, topic), { key: topic, value }, /^destination: .*internal/)
    }
  })

  it('is set aside: another job under the same id', async () => {
    const [one, other] = [planned(), planned()]
    const partition = partitionOfKey(one.jobId, PARTITIONS)
    await produce('commands', { key: one.jobId, value: commandOf(one), partition })
    const value = commandOf({ ...other, jobId: one.jobId, operations: other.operations.slice(1) })
    const letter = await letterOf('commands', await produce('commands', { key: one.jobId, value, partition }))
    expect(letter.headers['datajob_cause']).toBe(`jobId: "${one.jobId}" is taken by another job`)
    expect((await service.client.ended(one.jobId)).counts.operations).toEqual(countsOf(one))
  })

  it('is set aside: a job that says it was forwarded, and is not at home', async () => {
    const value = commandOf({ ...planned(), jobId: witness })
    const partition = (partitionOfKey(witness, PARTITIONS) + 1) % PARTITIONS
    const place = await produce('commands', { key: 'k', value, partition, headers: { datajob_forwarded_from: 'there' } })
    const { headers } = await letterOf('commands', place)
    expect(headers['datajob_cause']).toMatch(/^forwarded from there to partition \d, but its home is \d$/)
  })

  it('is set aside when it is too large to be sent home; there it runs; larger still, the broker refuses it', async () => {
    const largest = (jobId: string, size: number): Buffer => {
      const operation = { operationId: 1, op: 'merge', path: '/SubNetwork=Test/ManagedElement=north-0', value: '' }
      const empty = JSON.stringify({ jobId, operations: [operation] })
      return Buffer.from(JSON.stringify({ jobId, operations: [{ ...operation, value: 'x'.repeat(size - empty.length) }] }))
    }
    // A batch of one record without key and headers has 72 bytes around a value of this size.
    const size = COMMAND_BYTES_MAX - 72
    await expect(produce('commands', { value: largest('too-large', size + 1), partition: 0 })).rejects.toThrow(/larger than the max/)
    const jobId = 'as-large-as-can-be'
    const home = partitionOfKey(jobId, PARTITIONS)
    const place = await produce('commands', { value: largest(jobId, size), partition: (home + 1) % PARTITIONS })
    expect((await letterOf('commands', place)).headers['datajob_cause']).toContain(`can't be forwarded`)
    await produce('commands', { value: largest(jobId, size), partition: home })
    expect((await service.client.ended(jobId)).status).toBe('FINISHED')
  })

  it('does not hinder the job behind it', async () => {
    const behind = { ...planned(), jobId: witness }
    await produce('commands', { key: witness, value: commandOf(behind), partition: partitionOfKey(witness, PARTITIONS) })
    expect((await service.client.ended(witness)).counts.operations).toEqual(countsOf(behind))
    expect(checkTopic(behind, await results.settled())).toEqual([])
  })
})

describe('a record on a topic between the stages', () => {
  it.each([
    ['subjobs', 'dispatcher'],
    ['subjob-events', 'coordinator'],
  ])('%s that makes no sense is set aside by the %s', async (topic, stage) => {
    const values = [Buffer.from('garbage'), Buffer.of(), null, Buffer.from('{"operations":[]}'), await avroCommand()]
    for (const value of values) {
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        const letter = await letterOf(topic, await produce(topic, { key: 'k', value, partition }))
        expect(letter).toMatchObject({ value, headers: { datajob_stage: stage, datajob_cause: expect.stringMatching(/./) as string } })
      }
    }
  })

  it('inventory that makes no sense is passed over', async () => {
    for (const value of [Buffer.from('garbage'), Buffer.of(), await avroCommand()]) await produce('inventory', { key: 'k', value })
    await installation.network(service.client, 'south')
    await service.client.ready()
  })
})

describe('after all of that', () => {
  it('jobs run on every partition', async () => {
    const jobs = Array.from({ length: PARTITIONS }, () => planned())
    for (const [partition, each] of jobs.entries()) await produce('commands', { value: commandOf(each), partition })
    for (const each of jobs) expect((await service.client.ended(each.jobId)).counts.operations).toEqual(countsOf(each))
    const log = await results.settled()
    expect(jobs.flatMap((each) => checkTopic(each, log))).toEqual([])
  })

  it('no lane had to start again', () => {
    expect(service.child.log().filter((line) => /lane (starts again|fenced|broken)/.test(line))).toEqual([])
  })
})
