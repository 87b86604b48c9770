/**
 * A job of many operations through one process, from the command topic to the last result: memory and time.
 *
 *   node bench/large-job.ts --operations 100000 --handles 50000 --producers 1
 *   node bench/large-job.ts --operations 1000000 --producers 1000 --interleaved
 *
 * The stack is started for the run unless `--stack FOLDER` names one that may go on. `--node-options` goes to the service,
 * `--kill-after MS` kills it that long after the submission and starts it again. Writes at one producer are done in order, one
 * subjob after the other; `--kind READ` shows what is possible side by side.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Codec, createCodec } from '../src/codec/codec.ts'
import type { HandleRegistered } from '../src/domain/inventory-messages.ts'
import type { Message } from '../src/domain/messages.ts'
import type { Operation } from '../src/domain/operation.ts'
import { handleKey } from '../src/inventory/inventory.ts'
import { createKafkaClient } from '../src/kafka/kafkajs/client.ts'
import type { KafkaClient, OutputRecord } from '../src/kafka/port.ts'
import { topicNames } from '../src/kafka/topics.ts'
import type { NcmpJob } from '../src/rest/dialects/ncmp/schemas.ts'
import { systemClock } from '../src/runtime/clock.ts'
import { ensureStack, stopStack } from '../stack/stack.ts'
import { Installation, type Service } from '../test/harness/installation.ts'
import { type JobInParts, recordsOf } from '../test/harness/job-in-parts.ts'
import { ProcessProbe, mib, seconds } from './harness/process-probe.ts'

const { values: flags } = parseArgs({
  options: {
    operations: { type: 'string', default: '100000' },
    handles: { type: 'string', default: '50000' },
    producers: { type: 'string', default: '1' },
    interleaved: { type: 'boolean', default: false },
    kind: { type: 'string', default: 'WRITE' },
    stack: { type: 'string' },
    'node-options': { type: 'string', default: '' },
    'kill-after': { type: 'string' },
    delay: { type: 'string', default: '20..80' },
    setting: { type: 'string', multiple: true, default: [] },
  },
})
const operations = Number(flags.operations)
const handles = Number(flags.handles)
const producers = Number(flags.producers)
const kind = flags.kind === 'READ' ? 'READ' : 'WRITE'

const SERVICE = 'bench'
const WAIT_MS_MAX = 1_800_000
const ASK_AGAIN_MS = 250
const INVENTORY_BATCH = 5_000

interface Bench {
  readonly installation: Installation
  readonly kafka: KafkaClient
  readonly codec: Codec
  readonly destination: string
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function elementOf(handle: number): string {
  return `/SubNetwork=Europe/MeContext=NR${handle}/ManagedElement=NE${handle}`
}

// Runs of one producer, or a job whose producers take turns: handles are spread over producers either way.
function handleOf(n: number): number {
  return flags.interleaved ? n % handles : Math.floor((n * handles) / operations) % handles
}

function operationAt(n: number): Operation {
  const path = `${elementOf(handleOf(n))}/GNBDUFunction=1/NRCellDU=${n % 6}`
  const value = kind === 'WRITE' ? `{"id":"${n % 6}","attributes":{"nRPCI":${n % 1008},"administrativeState":"UNLOCKED"}}` : null
  return { operationId: `operation-${n}`, op: kind === 'WRITE' ? 'merge' : 'read', path, value, options: null }
}

function producerOf(handle: number): string {
  return `producer-${flags.interleaved ? handle % producers : Math.floor((handle * producers) / handles)}`
}

async function registerHandles({ kafka, codec, installation }: Bench): Promise<void> {
  const producer = await kafka.producer()
  const topic = topicNames(installation.prefix).inventory
  for (let from = 0; from < handles; from += INVENTORY_BATCH) {
    const count = Math.min(INVENTORY_BATCH, handles - from)
    const records = Array.from({ length: count }, (_, n): OutputRecord => {
      const alternateId = elementOf(from + n)
      const message: HandleRegistered = {
        ...{ type: 'HandleRegistered', alternateId, cmHandle: `handle-${from + n}`, moduleSetTag: 'tag-1' },
        ...{ dataProducerId: producerOf(from + n), service: SERVICE, writeService: null, state: 'READY', properties: {} },
      }
      return { topic, key: handleKey(alternateId), value: codec.encode(message) }
    })
    await producer.send(records)
  }
  await producer.close()
}

// How many operations the facade has at hand to group them by their producer, about.
const GROUPED_OPERATIONS = 250_000

/** The operations in the order in which the facade writes them: grouped by producer, as far as it can look. */
function* groupedOperations(): Generator<Operation> {
  for (let from = 0; from < operations; from += GROUPED_OPERATIONS) {
    const count = Math.min(GROUPED_OPERATIONS, operations - from)
    const numbers = Array.from({ length: count }, (_, n) => from + n)
    const groups = Map.groupBy(numbers, (n) => producerOf(handleOf(n)))
    for (const group of groups.values()) for (const n of group) yield operationAt(n)
  }
}

async function submit(bench: Bench, jobId: string): Promise<number> {
  const { codec, installation, destination } = bench
  const job: JobInParts = { jobId, kind, destination, operations: groupedOperations() }
  const encode = (message: Message): Buffer => codec.encode(message)
  const records = recordsOf(job, { topic: topicNames(installation.prefix).commands, encode })
  const bytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  say(`${operations} operations, ${mib(bytes)}, in ${records.length - 1} parts`)
  const producer = await bench.kafka.transactionalProducer(`${bench.installation.prefix}bench`)
  const begun = performance.now()
  await producer.commit({ records, offsets: [], groupId: '' })
  say(`written in one transaction in ${seconds(performance.now() - begun)}`)
  await producer.close()
  return performance.now()
}

interface StartedSubjobs {
  /** How many, and when the last one was seen. */
  started(): { readonly count: number; readonly at: number }
  stop(): Promise<void>
}

/** Counts subjobs as the dispatcher tells of them. */
function followSubjobs({ kafka, codec, installation }: Bench): StartedSubjobs {
  const seen = { count: 0, at: 0 }
  const reader = kafka.tailReader({
    name: 'bench',
    topics: [topicNames(installation.prefix).subjobEvents],
    from: [],
    events: {
      records: async (_, records) => {
        for (const { value } of records) {
          const decoded = value === null ? null : await codec.decode(value)
          if (decoded?.ok !== true || decoded.message.type !== 'SubjobStarted') continue
          seen.count += 1
          seen.at = performance.now()
        }
      },
      crashed: (error) => {
        throw error
      },
    },
  })
  void reader.start()
  return { started: () => seen, stop: () => reader.stop() }
}

async function killedAndStarted(bench: Bench, service: Service, settings: Readonly<Record<string, string>>): Promise<Service> {
  await new Promise((resolve) => setTimeout(resolve, Number(flags['kill-after'])))
  await service.child.kill()
  const killedAt = performance.now()
  const next = await bench.installation.service('service', { settings })
  await next.client.ready()
  say(`killed, and all lanes run again after ${seconds(performance.now() - killedAt)}`)
  return next
}

// Asked for seldom: answers take the service's time as well.
async function ended({ client }: Service, jobId: string): Promise<NcmpJob> {
  for (const giveUpAt = performance.now() + WAIT_MS_MAX; performance.now() < giveUpAt; ) {
    const { status, body } = await client.status(jobId)
    const job = body as NcmpJob
    if (status === 200 && job.finishedAt !== null) return job
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
  }
  throw new Error(`job ${jobId} has not ended`)
}

async function measure(bench: Bench): Promise<void> {
  const { installation } = bench
  const settings: Record<string, string> = {
    ...(flags['node-options'] === '' ? {} : { NODE_OPTIONS: flags['node-options'] }),
    ...Object.fromEntries(flags.setting.map((each) => each.split('=') as [string, string])),
  }
  await registerHandles(bench)
  const startedAt = performance.now()
  let service = await installation.service('service', { settings })
  await service.client.ready()
  say(`the service is ready with ${handles} handles after ${seconds(performance.now() - startedAt)}`)
  const simulated = await installation.producer(SERVICE, { 'delay-ms': flags.delay, 'memory-mib': '2048' })
  await service.client.registerService(SERVICE, simulated.url)
  const subjobs = followSubjobs(bench)
  let probe = new ProcessProbe(service.child.pid)
  const jobId = `bench-${randomUUID()}`
  const idleBytes = probe.residentBytes()
  const before = probe.processorTime()
  probe.takePeakBytes()
  const submittedAt = await submit(bench, jobId)
  if (flags['kill-after'] !== undefined) {
    probe.stop()
    service = await killedAndStarted(bench, service, settings)
    probe = new ProcessProbe(service.child.pid)
  }
  const job = await ended(service, jobId)
  const endedAt = performance.now()
  const peakBytes = probe.takePeakBytes()
  const { user, system } = probe.processorTime()
  say(`all ${subjobs.started().count} subjobs submitted to the DMI after ${seconds(subjobs.started().at - submittedAt)}`)
  say(`${job.status} after ${seconds(endedAt - submittedAt)}: ${JSON.stringify(job.counts)}`)
  say(`resident: ${mib(idleBytes)} idle, ${mib(peakBytes)} at the peak, ${mib(peakBytes - idleBytes)} above`)
  say(`processor time: ${(user - before.user).toFixed(1)} s, and ${(system - before.system).toFixed(1)} s of the system's`)
  for (const line of service.child.log().filter((each) => /"level":[456]0/.test(each))) say(line.slice(0, 500))
  probe.stop()
  await subjobs.stop()
  await service.child.stop()
}

const folder = flags.stack ?? mkdtempSync(join(tmpdir(), 'datajob-bench-'))
const stack = await ensureStack({ folder, lifetime: flags.stack === undefined ? 'process' : 'detached', say })
const installation = await Installation.open('bench', stack, { DATAJOB_PARTITIONS: '6' })
try {
  const { topic } = await installation.resultTopic('results')
  const ignore = (): void => undefined
  const kafka = createKafkaClient({
    brokers: stack.kafkaBrokers.split(','),
    clientId: 'bench',
    logger: { debug: ignore, info: ignore, warn: (_, message) => { say(message) } },
    transactionTimeoutMs: 120_000,
  })
  const registry = { url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }
  const codec = await createCodec(registry, { schemas: 'register', clock: systemClock })
  await measure({ installation, kafka, codec, destination: `kafka:${topic}` })
} finally {
  await installation.close()
  if (flags.stack === undefined) {
    await stopStack({ folder, discard: true })
    rmSync(folder, { recursive: true, force: true })
  }
}
