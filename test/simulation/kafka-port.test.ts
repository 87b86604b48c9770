import type { OutputRecord, Position } from '../../src/kafka/port.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { exerciseKafkaPort, type OpenTransaction } from '../contract/kafka-port.ts'
import { SimulatedBroker } from './broker.ts'
import { ConsumerGroups } from './consumer-groups.ts'
import { lostRequest, SimulatedKafka } from './kafka-client.ts'
import { Network } from './network.ts'
import { letSchedulerRun } from './passing-time.ts'
import { SimulatedProcess } from './process.ts'
import { Scheduler } from './scheduler.ts'

const NOW = 1_700_000_000_000

const scheduler = new Scheduler(NOW)
const random = seededRandom(1)
// Ends of transactions are known everywhere a moment after they were answered, as they are on a real broker.
const broker = new SimulatedBroker(scheduler, { timers: scheduler, delayMs: () => 1 })
const network = new Network({ random, delayMinMs: 2, delayMaxMs: 10, timeoutMs: 1_000, lost: lostRequest })
const groups = new ConsumerGroups({ timers: scheduler, now: () => scheduler.now(), random, shuffleRatio: 0 })
const process = new SimulatedProcess('contract', scheduler)

function leaveOpen(transactionalId: string, records: readonly OutputRecord[]): Promise<OpenTransaction> {
  const producer = broker.initProducer(transactionalId)
  broker.writeInTransaction(producer, records)
  const abort = (): Promise<void> => {
    broker.abort(producer)
    return Promise.resolve()
  }
  return Promise.resolve({ abort })
}

function deleteRecords({ topic, partition, offset }: Position): Promise<void> {
  broker.logOf(topic, partition).deleteBefore(offset)
  return Promise.resolve()
}

function deleteTopic(topic: string): Promise<void> {
  broker.deleteTopic(topic)
  return Promise.resolve()
}

letSchedulerRun(scheduler)

exerciseKafkaPort('the simulated client', {
  kafka: new SimulatedKafka({ process, broker, network, random, groups }),
  ...{ clock: scheduler, timers: scheduler, leaveOpen, deleteRecords, deleteTopic },
})
