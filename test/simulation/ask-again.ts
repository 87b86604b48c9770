import { KafkaFailure } from '../../src/kafka/port.ts'
import type { Network } from './network.ts'
import type { SimulatedProcess } from './process.ts'

/** Asks the broker until an answer comes. Throws what it refuses for good. */
export async function askAgain<T>(process: SimulatedProcess, network: Network, serve: () => T): Promise<T> {
  for (;;) {
    try {
      return await process.call(network, serve)
    } catch (error) {
      if (!(error instanceof KafkaFailure) || error.disposition === 'reject' || error.disposition === 'fatal') throw error
    }
  }
}
