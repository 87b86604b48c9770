import { describe, onTestFinished } from 'vitest'
import { parseDestination } from '../../src/domain/destination.ts'
import { json, testClient, testService } from '../../src/dmi/dmi-test-service.ts'
import { dispatcherEffects } from '../../src/effects/dispatcher-effects.ts'
import { DmiCalls } from '../../src/effects/dmi-calls.ts'
import { Publications } from '../../src/effects/publications.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { startSimulatedProducer } from '../../src/producer/simulate.ts'
import { readSimulationOptions } from '../../src/producer/simulation-options.ts'
import { systemClock, systemTimers } from '../../src/runtime/clock.ts'
import { kafkaSinkDefaults } from '../../src/sinks/kafka/config.ts'
import { KafkaSink } from '../../src/sinks/kafka/sink.ts'
import { type EffectsUnderTest, exerciseDispatcherEffects, type PluginMood } from '../contract/dispatcher-effects.ts'
import { SimulatedBucket } from './bucket.ts'
import { SimulatedDmi } from './dmi.ts'
import { type ResultValue, simulatedEffects } from './effects.ts'
import { LostMessage, Network } from './network.ts'
import { letSchedulerRun } from './passing-time.ts'
import { SimulatedProcess } from './process.ts'
import { Scheduler } from './scheduler.ts'
import { DESTINATIONS } from './settings.ts'

interface Responses {
  readonly data: { readonly responses: readonly { readonly operationId: string | number }[] }
}

async function pluginUrl(mood: PluginMood): Promise<string> {
  if (mood === 'busy') return (await testService(json({}, 429, { 'retry-after': '2' }))).service.baseUrl
  if (mood === 'refusing') return (await testService(json({}, 404))).service.baseUrl
  if (mood === 'silent') return (await testService(() => undefined)).service.baseUrl
  const given = readSimulationOptions({ delayMs: '0..50', failOperations: 'Cell=4$' })
  if (!given.ok) throw new Error(given.problems.join())
  const producer = await startSimulatedProducer(given.options)
  onTestFinished(() => producer.close())
  return producer.url
}

async function byHttp(mood: PluginMood): Promise<EffectsUnderTest> {
  const baseUrl = await pluginUrl(mood)
  const client = testClient({ headersTimeoutMs: mood === 'silent' ? 100 : 5_000 })
  const metrics = createMetrics()
  const destinationOf = (text: string): { readonly type: 'topic'; readonly name: string } => {
    const parsed = parseDestination(text, DESTINATIONS)
    if (!parsed.ok || parsed.destination.type !== 'topic') throw new Error(`${text} is no topic`)
    return { type: 'topic', name: parsed.destination.name }
  }
  const serviceOf = (name: string): ReturnType<ConstructorParameters<typeof DmiCalls>[0]['serviceOf']> => ({
    ...{ type: 'ServiceRegistered', name, baseUrl, contract: 'dataJob', username: null, password: null },
    ...{ subjobsInFlightMax: null, subjobTimeoutMs: null },
  })
  const calls = new DmiCalls({ client, serviceOf, destinationOf, callsInFlightMax: 4, metrics, clock: systemClock })
  const admin = {
    describeTopics: (names: readonly string[]) =>
      Promise.resolve(names.map((name) => ({ name, partitions: 1, replicationFactor: 1, config: {} }))),
  }
  const sink = new KafkaSink({ admin, clock: { now: () => 0 }, config: kafkaSinkDefaults })
  const publications = new Publications({
    ...{ calls, client, destinationOf, metrics, resultsInFlightMax: 4, waitingBytesMax: 1_000_000 },
    named: { find: () => Promise.reject(new Error('the result is in the answer')) },
    sinks: { topic: sink, bucket: sink, resultsTopic: '' },
    generators: {}, resultLimits: { valueBytesMax: 1_000_000, depthMax: 64 },
  })
  return {
    run: dispatcherEffects(calls, publications),
    timers: systemTimers,
    reportedIn: ({ value }) => (JSON.parse(String(value)) as Responses).data.responses.map(({ operationId }) => operationId),
  }
}

exerciseDispatcherEffects('by HTTP', byHttp)

describe('in simulated time', () => {
  const scheduler = new Scheduler(0)
  letSchedulerRun(scheduler)

  // What the simulated plugin draws to answer so, once it fails all calls.
  const draws: Readonly<Record<PluginMood, number>> = { well: 0.9, silent: 0.9, busy: 0.3, refusing: 0.05 }

  exerciseDispatcherEffects('in the simulation', (mood) => {
    const random = (): number => draws[mood]
    const network = (): Network =>
      new Network({ random, delayMinMs: 2, delayMaxMs: 10, timeoutMs: 1_000, lost: () => new LostMessage() })
    const dmi = new SimulatedDmi({ clock: scheduler, random, workMsMax: 50 })
    dmi.failureRatio = mood === 'well' ? 0 : 1
    const dmiNetwork = network()
    dmiNetwork.isDown = mood === 'silent'
    const process = new SimulatedProcess('contract', scheduler)
    return Promise.resolve({
      run: simulatedEffects({ process, dmi, dmiNetwork, bucket: new SimulatedBucket(scheduler), bucketNetwork: network() }),
      timers: scheduler,
      reportedIn: ({ value }) => {
        const result = JSON.parse(String(value)) as ResultValue
        return result.type === 'result' ? result.results.map(({ operationId }) => operationId) : []
      },
    })
  })
})
