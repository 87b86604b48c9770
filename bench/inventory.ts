/**
 * The inventory of one process: how long it takes to read it from the topic, what it takes of memory, and how quick it answers.
 *
 *   node --expose-gc bench/inventory.ts --handles 1000000
 *
 * The stack is started for the run unless `--stack FOLDER` names one that may go on.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Codec, createCodec } from '../src/codec/codec.ts'
import type { HandleRegistered } from '../src/domain/inventory-messages.ts'
import { handleKey, Inventory } from '../src/inventory/inventory.ts'
import { createKafkaClient } from '../src/kafka/kafkajs/client.ts'
import type { KafkaClient, OutputRecord } from '../src/kafka/port.ts'
import { topicNames } from '../src/kafka/topics.ts'
import { systemClock, systemTimers } from '../src/runtime/clock.ts'
import { ensureStack, stopStack } from '../stack/stack.ts'
import { Installation } from '../test/harness/installation.ts'
import { mib, seconds } from './harness/process-probe.ts'

const { values: flags } = parseArgs({
  options: { handles: { type: 'string', default: '1000000' }, lookups: { type: 'string', default: '1000000' }, stack: { type: 'string' } },
})
const handles = Number(flags.handles)
const lookups = Number(flags.lookups)

const BATCH = 5_000
const PRODUCERS = 50
const MODULE_SETS = 20
// As CPS's handles are: a name of four segments, an id of 32 hexadecimal digits.
const CELLS = ['', '/GNBDUFunction=1/NRCellDU=3', '/GNBCUCPFunction=1/NRCellCU=2/EUtranFreqRelation=7']

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function elementOf(handle: number): string {
  return `/SubNetwork=Europe/SubNetwork=Region${handle % 100}/MeContext=NR${handle}/ManagedElement=NE${handle}`
}

function handleOf(n: number): HandleRegistered {
  return {
    ...{ type: 'HandleRegistered', alternateId: elementOf(n), cmHandle: createHash('md5').update(String(n)).digest('hex') },
    ...{ moduleSetTag: `tag-${n % MODULE_SETS}`, dataProducerId: `producer-${n % PRODUCERS}`, service: 'dmi', writeService: null },
    ...{ state: 'READY', properties: {} },
  }
}

async function register(kafka: KafkaClient, codec: Codec, topic: string): Promise<void> {
  const producer = await kafka.producer()
  for (let from = 0; from < handles; from += BATCH) {
    const count = Math.min(BATCH, handles - from)
    const records = Array.from({ length: count }, (_, n): OutputRecord => {
      const handle = handleOf(from + n)
      return { topic, key: handleKey(handle.alternateId), value: codec.encode(handle) }
    })
    await producer.send(records)
  }
  await producer.close()
}

function usedBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run it with node --expose-gc')
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function loaded(inventory: Inventory): Promise<void> {
  await inventory.start()
  while (!inventory.isReady()) await inventory.caughtUp(60_000)
}

function measureLookups(inventory: Inventory): void {
  const names = Array.from({ length: 10_000 }, (_, n) => elementOf((n * 7_919) % handles) + (CELLS[n % CELLS.length] ?? ''))
  const begun = performance.now()
  let found = 0
  for (let n = 0; n < lookups; n += 1) if (inventory.find(names[n % names.length] ?? '', 'default') !== undefined) found += 1
  const ms = performance.now() - begun
  if (found !== lookups) throw new Error(`${lookups - found} names were not found`)
  say(`${lookups} look-ups by name in ${seconds(ms)}: ${((ms * 1_000) / lookups).toFixed(2)} µs each`)
}

async function measure(kafka: KafkaClient, codec: Codec, topic: string): Promise<void> {
  const written = performance.now()
  await register(kafka, codec, topic)
  say(`${handles} handles written in ${seconds(performance.now() - written)}`)
  const before = usedBytes()
  const resident = process.memoryUsage.rss()
  const admin = await kafka.admin()
  const fail = (error: unknown): never => {
    throw error
  }
  const inventory = new Inventory({
    ...{ kafka, admin, codec, topic, timers: systemTimers },
    events: { failed: fail, waiting: fail, skipped: (_, cause) => fail(new Error(cause)) },
  })
  const begun = performance.now()
  const cpu = process.cpuUsage()
  await loaded(inventory)
  const { user, system } = process.cpuUsage(cpu)
  const elapsed = seconds(performance.now() - begun)
  say(`${inventory.handles} handles read from the topic in ${elapsed}, ${seconds((user + system) / 1_000)} of processor time`)
  say(`resident: ${mib(resident)} before, ${mib(process.memoryUsage.rss())} after`)
  const bytes = usedBytes() - before
  say(`in use: ${mib(bytes)}, ${(bytes / handles).toFixed(0)} bytes a handle`)
  measureLookups(inventory)
  await inventory.stop()
  await admin.close()
}

const folder = flags.stack ?? mkdtempSync(join(tmpdir(), 'datajob-bench-'))
const stack = await ensureStack({ folder, lifetime: flags.stack === undefined ? 'process' : 'detached', say })
const installation = await Installation.open('inventory', stack)
try {
  const ignore = (): void => undefined
  const logger = { debug: ignore, info: ignore, warn: ignore }
  const kafka = createKafkaClient({ brokers: stack.kafkaBrokers.split(','), clientId: 'bench', logger })
  const registry = { url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }
  const codec = await createCodec(registry, { schemas: 'register', clock: systemClock })
  await measure(kafka, codec, topicNames(installation.prefix).inventory)
} finally {
  await installation.close()
  if (flags.stack === undefined) {
    await stopStack({ folder, discard: true })
    rmSync(folder, { recursive: true, force: true })
  }
}
