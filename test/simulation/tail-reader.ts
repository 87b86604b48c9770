/** Reads every partition of some topics, read_committed, for one process alone. */
import type { TailReader, TailReaderOptions } from '../../src/kafka/port.ts'
import type { SimulatedBroker } from './broker.ts'
import type { Network } from './network.ts'
import type { PartitionLog } from './partition-log.ts'
import type { SimulatedProcess } from './process.ts'

const RECORDS_MAX = 50

export interface TailReaderParts {
  readonly process: SimulatedProcess
  readonly broker: SimulatedBroker
  readonly network: Network
}

export class SimulatedTailReader implements TailReader {
  readonly #parts: TailReaderParts
  readonly #options: TailReaderOptions
  #isRunning = false

  constructor(parts: TailReaderParts, options: TailReaderOptions) {
    this.#parts = parts
    this.#options = options
  }

  start(): Promise<void> {
    this.#isRunning = true
    for (const topic of this.#options.topics) {
      for (const log of this.#parts.broker.logsOf(topic)) {
        const from = this.#options.from.find((each) => each.topic === topic && each.partition === log.partition)
        void this.#follow(log, from?.offset ?? 0)
      }
    }
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.#isRunning = false
    return Promise.resolve()
  }

  async #follow(log: PartitionLog, from: number): Promise<void> {
    const { process, network } = this.#parts
    let next = from
    while (this.#isRunning) {
      try {
        const batch = await process.call(network, () => log.read(next, RECORDS_MAX))
        if (batch.nextOffset > next) await this.#options.events.records(log, batch.records, batch.nextOffset)
        next = batch.nextOffset
      } catch {
        continue
      }
      if (log.stableEnd <= next) await this.#moreOf(log)
    }
  }

  #moreOf(log: PartitionLog): Promise<void> {
    return new Promise((resolve) => {
      log.onceReadable(() => {
        this.#parts.process.enter(resolve)
      })
    })
  }
}
