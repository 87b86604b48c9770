/** Dead letters from end to end: what was set aside is found, understood, put right, and put back. */
import { type Message, Partitioners, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, type TestRun } from '../../src/cli/cli-test-run.ts'
import type { FullLetter, LetterFacts } from '../../src/cli/dead-letters/letter-view.ts'
import type { RedriveReport } from '../../src/cli/dead-letters/redrive-letters.ts'
import { ExitCode } from '../../src/cli/exit-codes.ts'
import { type Codec, createCodec } from '../../src/codec/codec.ts'
import { messageSchemas } from '../../src/codec/schemas.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, PARTITIONS, type Service } from '../harness/installation.ts'
import { type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'

/** Longer than the 4,096 characters that a path may have by default. */
const LONG_PATH_TAIL = `/GNBDUFunction=${'x'.repeat(5_000)}`
const BARE_TOKEN = 'abcdefghijklmnopqrstuvwxyz'
const TOKEN = `Bearer ${BARE_TOKEN}`
/** Other suites may register schemas at the same time, and take an id that was to be ours. */
const SCHEMA_IDS_TRIED = 20

const stack = givenStack()
let installation: Installation
let service: Service
let codec: Codec
let producer: Producer
let results: TopicLog
let deadLetters: TopicLog

beforeAll(async () => {
  installation = await Installation.open('letters', stack)
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

const letters = (...args: string[]): Promise<TestRun> =>
  runCli(['dead-letters', ...args], { env: { ...installation.settings, DATAJOB_STACK_FOLDER: '/nonexistent' } })

async function json<T>(...args: string[]): Promise<T> {
  const { exitCode, out, err } = await letters(...args, '-o', 'json')
  expect(out).not.toContain(BARE_TOKEN)
  expect({ exitCode, err }).toMatchObject({ exitCode: ExitCode.Ok })
  return JSON.parse(out) as T
}

async function list(...args: string[]): Promise<readonly LetterFacts[]> {
  return (await json<{ items: readonly LetterFacts[] }>('list', ...args)).items
}

const keysOf = (items: readonly { readonly key: string | null }[]): (string | null)[] => items.map(({ key }) => key).sort()

function planned(): PlannedJob {
  return planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['north'], operations: 3 })
}

/** A job of which the service says that its paths are too long, until it is told to take longer ones. */
function tooLong(): PlannedJob {
  const job = planned()
  return { ...job, operations: job.operations.map((operation) => ({ ...operation, path: operation.path + LONG_PATH_TAIL })) }
}

function commandOf({ jobId, destination, operations }: PlannedJob): string {
  return JSON.stringify({ jobId, destination, operations: operations.map(({ operationId, op, path }) => ({ operationId, op, path })) })
}

async function produce(key: string | null, value: string | Buffer, more: Partial<Message> = {}): Promise<void> {
  await producer.send({ topic: `${installation.prefix}commands`, acks: -1, messages: [{ key, value, ...more }] })
}

async function setAside(count: number): Promise<void> {
  await deadLetters.until(`${count} letters are set aside`, () => lettersThere().length >= count)
}

const lettersThere = (): readonly unknown[] => deadLetters.records.filter(({ headers }) => headers['datajob_origin_topic'] !== undefined)

/** Registers the schema of a newer build, under a name that makes it another each time. */
async function registerNewer(name: string): Promise<number> {
  const newer = JSON.parse(messageSchemas.SubmitJob.text) as { fields: object[] }
  newer.fields.push({ name, type: 'string', default: '' })
  const response = await fetch(`${stack.registryUrl}/subjects/${installation.prefix}newer-${name}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(newer) }),
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { id: number }).id
}

/** A command as that newer build writes it: all that we know, and an empty text behind it. */
async function newerCommandOf(job: PlannedJob, schemaId: number): Promise<Buffer> {
  const decoded = await codec.decodeCommand(Buffer.from(commandOf(job)), 0)
  if (!decoded.ok) throw new Error(decoded.cause)
  const { message } = decoded
  if (message.type !== 'SubmitJob') throw new Error('it submits no job')
  const value = Buffer.concat([codec.encode({ ...message, authorization: BARE_TOKEN }), Buffer.of(0)])
  value.writeInt32BE(schemaId, 1)
  return value
}

describe('dead letters', () => {
  let long: PlannedJob[]
  let newer: PlannedJob[]
  let nextSchemaId: number

  it('are listed and shown: where each came from, why it is one, and what it holds', async () => {
    expect(await letters('list')).toMatchObject({ exitCode: ExitCode.Ok, out: '', err: 'no dead letters\n' })
    long = Array.from({ length: 4 }, () => tooLong())
    newer = Array.from({ length: SCHEMA_IDS_TRIED }, () => planned())
    nextSchemaId = (await registerNewer('first')) + 1
    for (const job of long) await produce(job.jobId, commandOf(job), { headers: { 'x-client': 'kept', authorization: TOKEN } })
    for (const [at, job] of newer.entries()) await produce(job.jobId, await newerCommandOf(job, nextSchemaId + at))
    await produce(null, `{"jobId":"broken","authorization":"${TOKEN}","operations":[`)
    await setAside(long.length + newer.length + 1)
    const items = await list('--limit', '100')
    expect(keysOf(items)).toEqual([null, ...[...long, ...newer].map(({ jobId }) => jobId)].sort())
    expect(keysOf(await list('--cause', 'LONGER THAN THE 4096', '--topic', 'commands'))).toEqual(long.map(({ jobId }) => jobId).sort())
    expect(await list('--topic', 'subjobs')).toEqual([])
    expect(await list('--since', '2999-01-01T00:00:00Z')).toEqual([])
    const [one] = items.filter(({ key }) => key === long[0]!.jobId)
    expect(one).toMatchObject({
      ...{ stage: 'coordinator', redriven: null, origin: { topic: `${installation.prefix}commands` } },
      cause: expect.stringMatching(/^operations\[0\]\.path: a path of \d+ characters is longer than the 4096 allowed$/) as string,
    })
    const shown = await json<FullLetter>('show', one!.id)
    expect(shown).toMatchObject({ ...one, headers: { 'x-client': 'kept', authorization: '(redacted)' } })
    expect(shown.value).toMatchObject({ format: 'json', content: commandOf(long[0]!).slice(0, 16_384) })
  })

  it('that nobody can decode are shown all the same, and show no secret', async () => {
    const [broken] = await list('--cause', 'not JSON')
    const shown = await letters('show', broken!.id)
    expect(shown.out).toContain('{"jobId":"broken","authorization":"(redacted)","operations":[')
    expect(shown.out).not.toContain(BARE_TOKEN)
    const [unknown] = await list('--cause', `the registry has no schema ${nextSchemaId}`)
    expect(await json('show', unknown!.id)).toMatchObject({
      key: newer[0]!.jobId,
      value: { format: 'hex', problem: `the registry has no schema ${nextSchemaId}` },
    })
    expect(await letters('show', '0-999999')).toMatchObject({ exitCode: ExitCode.NotFound, out: '' })
  })

  it('that are put back too early are set aside again', async () => {
    const [one] = await list('--cause', 'longer than')
    const before = lettersThere().length
    expect(await json<RedriveReport>('redrive', one!.id)).toMatchObject({ letters: [{ id: one!.id, key: one!.key }] })
    await setAside(before + 1)
    const both = (await list('--cause', 'longer than', '--limit', '100')).filter(({ key }) => key === one!.key)
    expect(both.map(({ redriven }) => redriven?.times ?? 0)).toEqual([0, 1])
    expect(await letters('redrive', one!.id)).toMatchObject({ exitCode: ExitCode.Usage, out: '' })
  })

  it('run as the jobs that they are, once what was missing is there', async () => {
    await service.child.stop()
    service = await installation.service('service', { settings: { DATAJOB_PATH_LENGTH_MAX: '8000' } })
    let schemaId = 0
    for (let n = 0; schemaId < nextSchemaId; n += 1) schemaId = await registerNewer(`later${n}`)
    const readable = newer[schemaId - nextSchemaId]
    const [letter] = await list('--cause', `schema ${schemaId}`)
    expect(letter?.key).toBe(readable!.jobId)
    const { value } = await json<FullLetter>('show', letter!.id)
    expect(value).toMatchObject({ format: 'avro', problem: null })
    expect(JSON.parse(value.content)).toMatchObject({ jobId: readable!.jobId, authorization: '(redacted)' })
    await service.client.ready()
    expect((await json<RedriveReport>('redrive', letter!.id)).letters).toHaveLength(1)
    const tried = await json<RedriveReport>('redrive', '--all', '--cause', 'longer than', '--dry-run')
    const report = await json<RedriveReport>('redrive', '--all', '--cause', 'longer than')
    expect(tried.letters).toEqual(report.letters)
    expect(keysOf(report.letters)).toEqual(long.map(({ jobId }) => jobId).sort())
    for (const { jobId } of [...long, readable!]) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    expect([...long, readable!].flatMap((job) => checkTopic(job, log))).toEqual([])
  })

  it('run once, however often they are put back', async () => {
    const ids = (await list('--cause', 'longer than', '--limit', '100')).map(({ id }) => id)
    expect(await letters('redrive', ...ids)).toMatchObject({ exitCode: ExitCode.Usage })
    expect((await json<RedriveReport>('redrive', ...ids, '--again')).letters).toHaveLength(long.length + 1)
    // A lane that has taken these has come past what was put back before them.
    const after = Array.from({ length: PARTITIONS }, () => planned())
    for (const [partition, job] of after.entries()) await produce(job.jobId, commandOf(job), { partition })
    for (const { jobId } of after) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    expect([...long, ...after].flatMap((job) => checkTopic(job, log))).toEqual([])
    expect(await list('--cause', 'is taken by another')).toEqual([])
  })

  it('are put back once by two people at the same time', async () => {
    const before = await list('--cause', 'the registry has no schema', '--limit', '100')
    const open = before.filter(({ redriven }) => redriven === null).map(({ id }) => id)
    const runs = await Promise.all([1, 2].map(() => letters('redrive', '--all', '--cause', 'the registry has no schema')))
    // Who is overtaken stops; what is left then is for the next try.
    for (const { exitCode } of runs) expect([ExitCode.Ok, ExitCode.Usage]).toContain(exitCode)
    await json<RedriveReport>('redrive', '--all', '--cause', 'the registry has no schema')
    const after = await list('--limit', '100')
    expect(after.filter(({ id }) => open.includes(id)).map(({ redriven }) => redriven?.times)).toEqual(open.map(() => 1))
  })
})
