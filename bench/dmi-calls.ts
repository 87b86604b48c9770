/**
 * What a subjob's calls to its plugin cost in processor time: submission, status and result, with the events made of it, as the
 * dispatcher's effects do them, beside the same three calls by undici alone. No Kafka, no lanes.
 *
 *   node bench/dmi-calls.ts
 *   node bench/dmi-calls.ts --rounds 20000 --runs 5
 *   node --cpu-prof bench/dmi-calls.ts --only effects
 *
 * The plugin is a process of its own. Processor time is that of this process; both take turns, for the machine is rarely quiet.
 */
import { strict as assert } from 'node:assert'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { parseDestination } from '../src/domain/destination.ts'
import type { ServiceRegistered } from '../src/domain/inventory-messages.ts'
import type { RoutedOperation } from '../src/domain/operation.ts'
import { DmiClient } from '../src/dmi/dmi-client.ts'
import { dispatcherEffects } from '../src/effects/dispatcher-effects.ts'
import { DmiCalls } from '../src/effects/dmi-calls.ts'
import { Publications } from '../src/effects/publications.ts'
import { createMetrics } from '../src/observability/metrics.ts'
import { monotonicClock, systemClock } from '../src/runtime/clock.ts'
import { kafkaSinkDefaults } from '../src/sinks/kafka/config.ts'
import { KafkaSink } from '../src/sinks/kafka/sink.ts'
import { HeapOperations } from '../src/stages/operation-store.ts'
import type { EffectRunner } from '../src/stages/stage.ts'
import type { DispatcherCompletion, DispatcherEffect, SubjobOrder } from '../src/stages/dispatcher/subjob-calls.ts'
import { median } from './harness/figures.ts'
import { elementOf } from './harness/ours.ts'
import { BenchProgram } from './harness/programs.ts'
import { callDmi, IN_FLIGHT } from './peers/bare-http.ts'

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20000' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
  },
})

const MIB = 1024 * 1024
const SERVICE = 'bench'

type Subjob = (n: number) => Promise<void>

interface Effects {
  readonly run: EffectRunner<DispatcherEffect, DispatcherCompletion>
  readonly committed: (completion: DispatcherCompletion) => void
  readonly close: () => Promise<void>
}

function effectsTo(baseUrl: string): Effects {
  const client = new DmiClient({
    ...{ connectionsMax: 512, connectTimeoutMs: 5_000, headersTimeoutMs: 30_000, bodyTimeoutMs: 30_000, callTimeoutMs: 30_000 },
    ...{ resultTimeoutMs: 600_000, keepAliveMs: 10_000, replyBytesMax: MIB, retryAfterMsMax: 60_000, clock: systemClock },
  })
  const registered: ServiceRegistered = {
    ...{ type: 'ServiceRegistered', name: SERVICE, baseUrl, contract: 'dataJob', username: null, password: null },
    ...{ subjobsInFlightMax: null, subjobTimeoutMs: null },
  }
  const metrics = createMetrics()
  const destinationOf = topicOf
  const calls = new DmiCalls({
    ...{ client, serviceOf: () => registered, destinationOf, callsInFlightMax: 512, clock: monotonicClock, metrics },
  })
  const described = { partitions: 1, replicationFactor: 1, config: { 'max.message.bytes': String(MIB) } }
  const admin = { describeTopics: (names: readonly string[]) => Promise.resolve(names.map((name) => ({ name, ...described }))) }
  const sink = new KafkaSink({ admin, clock: systemClock, config: kafkaSinkDefaults })
  const publications = new Publications({
    ...{ calls, client, destinationOf, metrics, resultsInFlightMax: 512, waitingBytesMax: 256 * MIB },
    named: { find: () => Promise.reject(new Error('the result is in the answer')) },
    sinks: { topic: sink, bucket: sink, resultsTopic: 'results' },
    generators: {}, resultLimits: { valueBytesMax: MIB, depthMax: 1_000 },
  })
  const committed = (completion: DispatcherCompletion): void => {
    publications.committed(completion)
  }
  return { run: dispatcherEffects(calls, publications), committed, close: () => client.close() }
}

function topicOf(text: string): { readonly type: 'topic'; readonly name: string } {
  const parsed = parseDestination(text, { bareNameIs: 'topic', topicPrefix: 'datajob.' })
  if (!parsed.ok || parsed.destination.type !== 'topic') throw new Error(`${text} is no topic`)
  return parsed.destination
}

function subjobOf(n: number): Pick<DispatcherEffect, 'subjobId' | 'run' | 'attempt' | 'dispatch' | 'operations'> {
  const producer = `producer-${n}`
  const operation: RoutedOperation = {
    ...{ operationId: `operation-${n}`, op: 'merge', path: `${elementOf(n)}/GNBDUFunction=1/NRCellDU=1`, moduleSetTag: '' },
    ...{ value: `{"id":"1","attributes":{"nRPCI":${n},"administrativeState":"UNLOCKED"}}`, options: null },
  }
  const dispatch: SubjobOrder = {
    ...{ type: 'DispatchSubjob', jobId: 'bench', tenant: 'default', index: n, producerKey: `${SERVICE}/${producer}`, service: SERVICE },
    ...{ dataProducerId: producer, kind: 'WRITE', destination: 'kafka:results', refusal: null, run: 1 },
    ...{ refusalMessage: null, cancelled: false, ordered: true, generator: null },
    dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
    dataContentType: 'application/3gpp-json-patch+json',
    ...{ authorization: null, priority: 1, attemptsMax: 3, deadlineAt: null },
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  }
  return { subjobId: `bench/${n}`, run: 1, attempt: 1, dispatch, operations: new HeapOperations([operation]) }
}

/** One signal for all of them, as a lane has. */
function ours({ run, committed }: Effects, signal: AbortSignal): Subjob {
  return async (n) => {
    const subjob = subjobOf(n)
    const submitted = await run({ type: 'SubmitSubjob', ...subjob }, signal)
    assert(submitted.type === 'Submitted')
    const { dataProducerJobId } = submitted
    const polled = await run({ type: 'PollSubjob', ...subjob, dataProducerJobId }, signal)
    assert(polled.type === 'Polled' && polled.status === 'finished')
    const source = { type: 'result', dataProducerJobId } as const
    const published = await run({ type: 'PublishResult', ...subjob, source, calledSince: 0, unmentioned: null }, signal)
    assert(published.type === 'Published' && published.publication.succeeded === 1)
    committed(published)
  }
}

/** Microseconds of processor time for each subjob. */
async function costOf(subjob: Subjob, rounds: number): Promise<number> {
  let next = 0
  const work = async (): Promise<void> => {
    for (let n = next++; n < rounds; n = next++) await subjob(n)
  }
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / rounds
}

const rounds = Number(flags.rounds)
const { program, said } = await BenchProgram.script(join(import.meta.dirname, 'harness', 'instant-dmi.ts'), [])
const { url } = said as { readonly url: string }
const pool = new Pool(url, { connections: IN_FLIGHT })
const effects = effectsTo(url)
const all: Readonly<Record<string, Subjob>> = {
  undici: (n) => callDmi(pool, 'bare', n),
  effects: ours(effects, new AbortController().signal),
}
const scenarios = Object.entries(all).filter(([name]) => flags.only === '' || name === flags.only)
const costs = new Map<string, number[]>(scenarios.map(([name]) => [name, []]))
for (const [, subjob] of scenarios) await costOf(subjob, rounds / 4)
for (let n = 0; n < Number(flags.runs); n += 1) {
  for (const [name, subjob] of scenarios) costs.get(name)?.push(await costOf(subjob, rounds))
}
for (const [name, each] of costs) {
  process.stdout.write(`${name}: ${Math.round(median(each))} µs of processor time a subjob (${each.map(Math.round).join(', ')})\n`)
}
await Promise.all([pool.close(), effects.close()])
await program.end()
