/**
 * A job of many operations at one producer, and a little later one of few at the same producer and on the same partition of the
 * command topic: how long the small one takes until its completion event can be read, and how long when it is alone.
 *
 *   node bench/fairness.ts
 *   node bench/fairness.ts --operations 100000 --kind WRITE --rounds 1
 *
 * The stack is started for the run unless `--stack FOLDER` names one that may go on. Each round has topics and processes of its
 * own; the large job is not waited for.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createCodec, type Codec } from '../src/codec/codec.ts'
import type { JobKind, Operation } from '../src/domain/operation.ts'
import { createKafkaClient } from '../src/kafka/kafkajs/client.ts'
import type { KafkaClient } from '../src/kafka/port.ts'
import { topicNames } from '../src/kafka/topics.ts'
import { systemClock } from '../src/runtime/clock.ts'
import { ensureStack, stopStack } from '../stack/stack.ts'
import { Installation, PARTITIONS, type Service } from '../test/harness/installation.ts'
import { recordsOf } from '../test/harness/job-in-parts.ts'
import type { TopicLog } from '../test/harness/topic-log.ts'
import { mib, ProcessProbe, seconds } from './harness/process-probe.ts'

const { values: flags } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000000' },
    small: { type: 'string', default: '100' },
    kind: { type: 'string', default: 'both' },
    rounds: { type: 'string', default: '3' },
    'after-ms': { type: 'string', default: '2000' },
    delay: { type: 'string', default: '20..80' },
    stack: { type: 'string' },
    setting: { type: 'string', multiple: true, default: [] },
  },
})

const SERVICE = 'bench'
const ELEMENT = '/ManagedElement=NE1'
const WAIT_MS_MAX = 1_200_000
const WARM_UPS = 3

interface Bench {
  readonly installation: Installation
  readonly service: Service
  readonly kafka: KafkaClient
  readonly codec: Codec
  readonly results: TopicLog
}

interface Measured {
  readonly aloneMs: number
  readonly behindMs: number
  /** Processor time of the service while the small job was behind: what a busy machine does not change. */
  readonly behindProcessorMs: number
  /** How far the large job was when the small one had ended. */
  readonly largeEnded: number
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function* operationsOf(kind: JobKind, count: number): Generator<Operation> {
  for (let n = 0; n < count; n += 1) {
    const path = `${ELEMENT}/GNBDUFunction=1/NRCellDU=${n % 6}`
    const value = kind === 'WRITE' ? `{"id":"${n % 6}","attributes":{"nRPCI":${n % 1008},"administrativeState":"UNLOCKED"}}` : null
    yield { operationId: `operation-${n}`, op: kind === 'WRITE' ? 'merge' : 'read', path, value, options: null }
  }
}

/** An id whose home is the first partition, so that one job stands behind the other. */
function idOnFirstPartition(kafka: KafkaClient): string {
  for (;;) {
    const jobId = `bench-${randomUUID()}`
    if (kafka.partitionOf(jobId, PARTITIONS) === 0) return jobId
  }
}

async function submit({ kafka, codec, installation }: Bench, job: Parameters<typeof recordsOf>[0]): Promise<void> {
  const records = recordsOf(job, { topic: topicNames(installation.prefix).commands, encode: (message) => codec.encode(message) })
  const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  const producer = await kafka.transactionalProducer(`${installation.prefix}bench`)
  await producer.commit({ records, offsets: [], groupId: '' })
  await producer.close()
  if (records.length > 2) say(`  ${mib(bytes)} in ${records.length} records are written`)
}

/** Submits a small job; milliseconds until its completion event is there. */
async function small(bench: Bench, kind: JobKind): Promise<number> {
  const jobId = idOnFirstPartition(bench.kafka)
  const destination = `kafka:${bench.results.topic}`
  const begun = performance.now()
  await submit(bench, { jobId, kind, destination, operations: operationsOf(kind, Number(flags.small)) })
  const completion = (records: TopicLog['records']): boolean => records.some(({ headers }) => headers.ce_id === `${jobId}/completion`)
  await bench.results.until(`the completion of ${jobId}`, completion, WAIT_MS_MAX)
  return performance.now() - begun
}

async function measure(bench: Bench, kind: JobKind, destination: string): Promise<Measured> {
  const { service, kafka } = bench
  for (let n = 0; n < WARM_UPS; n += 1) await small(bench, kind)
  const aloneMs = median([await small(bench, kind), await small(bench, kind), await small(bench, kind)])
  const jobId = idOnFirstPartition(kafka)
  await submit(bench, { jobId, kind, destination, operations: operationsOf(kind, Number(flags.operations)) })
  await new Promise((resolve) => setTimeout(resolve, Number(flags['after-ms'])))
  const probe = new ProcessProbe(service.child.pid)
  const before = probe.processorTime()
  const behindMs = await small(bench, kind)
  const after = probe.processorTime()
  probe.stop()
  const behindProcessorMs = 1_000 * (after.user + after.system - before.user - before.system)
  const { body } = await service.client.status(jobId)
  const { total, succeeded, failed } = (body as { readonly counts: { readonly operations: Record<string, number> } }).counts.operations
  return { aloneMs, behindMs, behindProcessorMs, largeEnded: ((succeeded ?? 0) + (failed ?? 0)) / (total ?? 1) }
}

async function round(stack: Awaited<ReturnType<typeof ensureStack>>, kind: JobKind): Promise<Measured> {
  const installation = await Installation.open('fairness', stack)
  try {
    const settings = Object.fromEntries(flags.setting.map((each) => each.split('=') as [string, string]))
    const service = await installation.service('service', { settings })
    await service.client.ready()
    const producer = await installation.producer(SERVICE, { 'delay-ms': flags.delay, 'memory-mib': '2048' })
    await service.client.registerService(SERVICE, producer.url)
    await service.client.registerHandles(SERVICE, [{ cmHandle: 'handle-1', alternateId: ELEMENT, dataProducerIdentifier: 'producer-1' }])
    const results = await installation.resultTopic('small')
    const large = await installation.resultTopic('large')
    await large.close()
    const ignore = (): void => undefined
    const kafka = createKafkaClient({
      brokers: stack.kafkaBrokers.split(','),
      clientId: 'bench',
      logger: { debug: ignore, info: ignore, warn: (_, message) => { say(message) } },
      transactionTimeoutMs: 120_000,
    })
    const registry = { url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }
    const codec = await createCodec(registry, { schemas: 'register', clock: systemClock })
    const measured = await measure({ installation, service, kafka, codec, results }, kind, `kafka:${large.topic}`)
    for (const line of service.child.log().filter((each) => /"level":[456]0/.test(each)).slice(0, 5)) say(line.slice(0, 300))
    await service.child.kill()
    return measured
  } finally {
    await installation.close()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

const folder = flags.stack ?? mkdtempSync(join(tmpdir(), 'datajob-bench-'))
const stack = await ensureStack({ folder, lifetime: flags.stack === undefined ? 'process' : 'detached', say })
try {
  for (const kind of ['READ', 'WRITE'] as const) {
    if (flags.kind !== 'both' && flags.kind !== kind) continue
    const rounds: Measured[] = []
    for (let n = 0; n < Number(flags.rounds); n += 1) {
      const measured = await round(stack, kind)
      const { aloneMs, behindMs, behindProcessorMs, largeEnded } = measured
      const times = `alone ${seconds(aloneMs)}, behind ${seconds(behindMs)} (${seconds(behindProcessorMs)} of the processor)`
      say(`${kind} round ${n + 1}: ${times}; large job ${(100 * largeEnded).toFixed(1)} %`)
      rounds.push(measured)
    }
    const [alone, behind] = [median(rounds.map((each) => each.aloneMs)), median(rounds.map((each) => each.behindMs))]
    const times = `alone ${seconds(alone)}, behind ${flags.operations} ${seconds(behind)}`
    say(`${kind}, median of ${rounds.length}: ${flags.small} operations ${times}`)
  }
} finally {
  if (flags.stack === undefined) {
    await stopStack({ folder, discard: true })
    rmSync(folder, { recursive: true, force: true })
  }
}
