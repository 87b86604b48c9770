import type { Chaos } from './chaos.ts'
import type { DirectionFaults, Faults } from './link-faults.ts'
import type { HttpProxy, HttpRule } from './http-proxy.ts'
import type { KafkaApi } from './kafka-frames.ts'
import type { Fate } from './kafka-proxy.ts'
import type { Network } from './network.ts'

/** Something that is wrong with a network until {@link Network.heal}. */
export interface NetworkFault {
  /** As `commit answers lost`. */
  readonly name: string
  /** Resolves once it holds. The answer says how many requests or links have met with it so far. */
  readonly begin: (network: Network) => Promise<() => number>
}

function both(faults: DirectionFaults): Faults {
  return { up: faults, down: faults }
}

/** What can be wrong with the links to any server. */
const links: Readonly<Record<string, Faults>> = {
  slow: both({ latencyMs: 60, jitterMs: 50 }),
  narrow: both({ bytesPerSecond: 100_000 }),
  sliced: both({ sliceBytes: 3 }),
  'half-open': both({ stalled: true }),
  'half-open towards the server': { up: { stalled: true } },
  'half-open towards the client': { down: { stalled: true } },
  'deaf to answers': { down: { swallowed: true } },
  'reset after some bytes': { down: { resetAfterBytes: 20_000 } },
  refused: { refused: true },
}

const commitApis: readonly KafkaApi[] = ['EndTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'AddPartitionsToTxn', 'InitProducerId', 'Produce']
const groupApis: readonly KafkaApi[] = ['Heartbeat', 'JoinGroup', 'SyncGroup', 'OffsetFetch', 'FindCoordinator']
const readApis: readonly KafkaApi[] = ['Fetch', 'ListOffsets', 'Metadata']

const fates: Readonly<Record<string, Fate>> = { lost: 'lost', 'lost with their connection': 'reset', late: { delayMs: 1_500 } }
/** Requests of each kind that are hit, one after the other, before those that follow go through. */
const TIMES = 2

function answers(name: string, apis: readonly KafkaApi[], fate: Fate, chance = 1): NetworkFault {
  return {
    name,
    begin: ({ kafka }) => {
      const rules = apis.map((api) => kafka.rule({ apis: [api], fate, chance, ...(chance === 1 ? { times: TIMES } : {}) }))
      return Promise.resolve(() => rules.reduce((sum, { hits }) => sum + hits, 0))
    },
  }
}

function kafkaLinks(name: string, faults: Faults): NetworkFault {
  return {
    name,
    begin: async ({ kafka }) => {
      await kafka.set(faults)
      return () => (faults.refused === true ? 1 : kafka.counts.open)
    },
  }
}

const kafkaResets: NetworkFault = {
  name: 'connections to brokers reset',
  begin: ({ kafka }) => {
    const size = kafka.reset()
    return Promise.resolve(() => size)
  },
}

function http(name: string, which: (network: Network) => readonly HttpProxy[], wrong: Faults | HttpRule): NetworkFault {
  return {
    name,
    begin: async (network) => {
      const proxies = which(network)
      if ('fate' in wrong) {
        const rules = proxies.map((proxy) => proxy.rule(wrong))
        return () => rules.reduce((sum, { hits }) => sum + hits, 0)
      }
      await Promise.all(proxies.map(({ link }) => link.set(wrong)))
      return () => (wrong.refused === true ? 1 : proxies.reduce((sum, { link }) => sum + link.counts.open, 0))
    },
  }
}

const s3 = ({ s3: proxy }: Network): readonly HttpProxy[] => [proxy]
const plugins = ({ plugins: proxies }: Network): readonly HttpProxy[] => proxies

/** Of answers that brokers give; the request was executed. */
const kafkaAnswerFaults: readonly NetworkFault[] = Object.entries(fates).flatMap(([how, fate]) => [
  ...[...commitApis, ...groupApis, ...readApis].map((api) => answers(`answers to ${api} ${how}`, [api], fate)),
  answers(`answers to commits ${how}, now and then`, commitApis, fate, 0.1),
])

/** Of the links to all brokers. */
const kafkaLinkFaults: readonly NetworkFault[] = [
  kafkaResets,
  ...Object.entries(links).map(([how, faults]) => kafkaLinks(`links to brokers ${how}`, faults)),
]

const s3Faults: readonly NetworkFault[] = [
  http('the answer to a stored object lost', s3, { method: 'PUT', fate: 'answer lost', chance: 0.5 }),
  http('the answer to a stored manifest lost', s3, { method: 'PUT', path: /manifest/, fate: 'answer lost', times: 2 }),
  http('the object store overloaded', s3, { fate: { status: 503 }, chance: 0.7 }),
  ...Object.entries(links).map(([how, faults]) => http(`links to the object store ${how}`, s3, faults)),
]

const pluginFaults: readonly NetworkFault[] = [
  http('the answer to a submission lost', plugins, { method: 'POST', fate: 'answer lost', chance: 0.5 }),
  http('the answers of plugins lost', plugins, { fate: 'answer lost', chance: 0.3 }),
  ...Object.entries(links).map(([how, faults]) => http(`links to plugins ${how}`, plugins, faults)),
]

const groups: readonly (readonly NetworkFault[])[] = [kafkaAnswerFaults, kafkaLinkFaults, s3Faults, pluginFaults]

/** The fault of that name. */
export function networkFault(name: string): NetworkFault {
  const found = groups.flat().find((fault) => fault.name === name)
  if (found === undefined) throw new Error(`there is no fault of the name ${name}`)
  return found
}

/** The names of some faults that may hold side by side: one each of answers and links of brokers, the object store, and plugins. */
export function drawFaults(chaos: Chaos): readonly string[] {
  return groups.flatMap((group) => group[chaos.between(0, group.length - 1)]?.name ?? [])
}
