/** Faults of the links between the service processes and everything that they talk to, whose answers get lost as well. */
import type { Faults } from '../../../harness/link-faults.ts'
import type { KafkaApi } from '../../../harness/kafka-frames.ts'
import type { Fate, ReplyRule } from '../../../harness/kafka-proxy.ts'
import { pick } from '../chaos-job.ts'
import type { Fault, FaultContext } from './fault.ts'
import { during } from './victims.ts'

/** A proxy, or several as one. */
interface Wire {
  set(faults: Faults): Promise<void>
  reset(): number
}

type WireOf = (context: FaultContext) => Wire

const toAllBrokers: WireOf = ({ world }) => world.wires.kafka
const toOneBroker: WireOf = ({ world, chaos }) => pick(chaos, world.wires.kafka.links)
const toStore: WireOf = ({ world }) => world.wires.store
const toProducer: WireOf = ({ world }) => world.wires.producer
const toRegistry: WireOf = ({ world }) => world.wires.registry

const late: Faults = { up: { latencyMs: 60, jitterMs: 60 }, down: { latencyMs: 60, jitterMs: 60 } }
const halfOpen: Faults = { up: { stalled: true }, down: { stalled: true } }
/** What is asked for is done, and nobody hears of it. */
const repliesLost: Faults = { down: { swallowed: true } }
const sliced: Faults = { up: { sliceBytes: 97 }, down: { sliceBytes: 97 } }
const slow: Faults = { up: { bytesPerSecond: 200_000 }, down: { bytesPerSecond: 200_000 } }
const refused: Faults = { refused: true }
const tornOff: Faults = { up: { resetAfterBytes: 3_000 }, down: { resetAfterBytes: 3_000 } }

function link(kind: string, wireOf: WireOf, faults: Faults, msMax = 8_000): Fault {
  return {
    kind,
    detail: '',
    run: async (context) => {
      const wire = wireOf(context)
      const ms = context.chaos.between(1_000, msMax)
      await wire.set(faults)
      await during(ms, context.stop)
      await wire.set({})
      return `for ${ms} ms`
    },
  }
}

const MS_MAX = 10_000
const RESETS = 5

function resets(kind: string, wireOf: WireOf): Fault {
  return {
    kind,
    detail: '',
    run: async (context) => {
      const wire = wireOf(context)
      let links = 0
      for (let n = 0; n < RESETS; n += 1) {
        links += wire.reset()
        await during(context.chaos.between(50, 1_500), context.stop)
      }
      return `${links} links in ${RESETS} times`
    },
  }
}

function answers(kind: string, apis: readonly KafkaApi[], fate: (context: FaultContext) => Fate): Fault {
  return {
    kind,
    detail: apis.join(),
    run: async (context) => {
      const { world, chaos, stop } = context
      const rule: ReplyRule = { apis, fate: fate(context), chance: chaos.between(5, 50) / 100, times: chaos.between(1, 20) }
      const running = world.wires.kafka.rule(rule)
      await during(chaos.between(4_000, MS_MAX), stop)
      running.end()
      return `${running.hits} answers to ${apis.join(', ')}`
    },
  }
}

const COMMIT: readonly KafkaApi[] = ['EndTxn']
const TRANSACTION: readonly KafkaApi[] = ['AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'InitProducerId']
const GROUP: readonly KafkaApi[] = ['JoinGroup', 'SyncGroup', 'Heartbeat']

export const networkFaults: readonly Fault[] = [
  link('brokers late', toAllBrokers, late),
  link('links to brokers half-open', toAllBrokers, halfOpen),
  link('link to a broker half-open', toOneBroker, halfOpen),
  link('answers of brokers lost', toAllBrokers, repliesLost),
  link('bytes of brokers sliced', toAllBrokers, sliced, 4_000),
  link('brokers slow', toAllBrokers, slow),
  link('a broker refuses', toOneBroker, refused),
  resets('links to brokers reset', toAllBrokers),
  answers('commit answers lost', COMMIT, () => 'lost'),
  answers('commit answers lost', COMMIT, () => 'reset'),
  answers('commit answers late', COMMIT, ({ chaos }) => ({ delayMs: chaos.between(200, 3_000) })),
  answers('transaction answers lost', TRANSACTION, () => 'reset'),
  answers('transaction answers late', TRANSACTION, ({ chaos }) => ({ delayMs: chaos.between(200, 3_000) })),
  answers('produce answers lost', ['Produce'], () => 'reset'),
  answers('group answers lost', GROUP, () => 'reset'),
  answers('group answers late', GROUP, ({ chaos }) => ({ delayMs: chaos.between(200, 3_000) })),
  link('object store refuses', toStore, refused),
  link('object store late', toStore, late),
  link('answers of the object store lost', toStore, repliesLost, 4_000),
  link('links to the object store torn', toStore, tornOff),
  // No longer than the attempts at a subjob last: a producer that is away for good fails its operations, and is meant to.
  link('answers of a producer lost', toProducer, repliesLost, 3_000),
  link('a producer refuses', toProducer, refused, 1_500),
  link('a producer half-open', toProducer, halfOpen, 3_000),
  resets('links to a producer reset', toProducer),
  link('registry refuses', toRegistry, refused),
]
