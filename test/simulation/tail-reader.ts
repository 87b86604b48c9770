/** Reads every partition of some topics, read_committed, for one process alone. */
import type { TailReader, TailReaderOptions } from '../../src/kafka/port.ts'
import { askAgain } from './ask-again.ts'
import type { SimulatedBroker } from './broker.ts'
import type { Network } from './network.ts'
import type { PartitionLog, ReadBatch } from './partition-log.ts'
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

  async start(): Promise<void> {
    const { process, network, broker } = this.#parts
    const logs = await askAgain(process, network, () => this.#options.topics.flatMap((topic) => broker.logsOf(topic)))
    this.#isRunning = true
    for (const log of logs) {
      const from = this.#options.from.find((each) => each.topic === log.topic && each.partition === log.partition)
      void this.#follow(log, from?.offset ?? 0)
    }
  }

  stop(): Promise<void> {
    this.#isRunning = false
    return Promise.resolve()
  }

  async #follow(log: PartitionLog, from: number): Promise<void> {
    const { process, network } = this.#parts
    let next = from
    for (;;) {
      const batch = await askAgain(process, network, () => log.read(next, RECORDS_MAX))
      if (!this.#isRunning) return
      if (batch.nextOffset > next && !(await this.#show(log, batch))) return
      next = batch.nextOffset
      if (log.stableEnd <= next) await this.#moreOf(log)
    }
  }

  /** Whether whoever is shown it has taken it; if not, the reader is dead. */
  async #show({ topic, partition }: PartitionLog, { records, nextOffset }: ReadBatch): Promise<boolean> {
    try {
      await this.#options.events.records({ topic, partition }, records, nextOffset)
      return true
    } catch (error) {
      this.#isRunning = false
      this.#options.events.crashed(error as Error)
      return false
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
