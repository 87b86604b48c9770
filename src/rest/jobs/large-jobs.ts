/** Writes jobs that don't fit into one record. */
import type { SubmitJob } from '../../domain/messages.ts'
import { KafkaFailure, type OutputRecord, type Position, type TransactionalProducer } from '../../kafka/port.ts'
import { passFailpoint } from '../../runtime/failpoints.ts'
import { Turnstile } from '../../runtime/turnstile.ts'
import type { PartSpool } from './part-spool.ts'

/** Opens the process's own producer for large jobs: what an earlier one left open is settled then. Throws KafkaFailure. */
export type OpenLargeProducer = (options: {
  readonly transactionTimeoutMs: number
}) => Promise<Pick<TransactionalProducer, 'commitAll' | 'close'>>

export interface LargeJobsOptions {
  readonly codec: { encode(message: SubmitJob): Buffer }
  readonly openProducer: OpenLargeProducer
}

export interface LargeJob {
  /** Its id, and what it says beside its operations. */
  readonly command: SubmitJob & { readonly jobId: string }
  readonly spool: PartSpool
  /** Of its records. */
  readonly place: Pick<OutputRecord, 'topic' | 'partition' | 'headers'>
}

// As many bytes a second a broker takes at the very least.
const BYTES_PER_S_MIN = 8 * 1024 * 1024
const TRANSACTION_BASE_MS = 5_000

/** When a transaction with so many bytes is given up: in between, readers of its partition wait for it. */
export function transactionTimeoutMs(bytes: number): number {
  return TRANSACTION_BASE_MS + Math.ceil((bytes / BYTES_PER_S_MIN) * 1_000)
}

/**
 * The command and its parts become visible as one, or not at all. A transaction is begun when everything is there, and lasts as
 * long as it takes to write that: one job after the other. Each has a producer for itself, all with the same id, so that
 * opening one settles what became of the one before.
 */
export class LargeJobs {
  readonly #options: LargeJobsOptions
  readonly #turnstile = new Turnstile()

  constructor(options: LargeJobsOptions) {
    this.#options = options
  }

  /**
   * Resolves to the position of the command, and closes the spool in any case. Rejects with KafkaFailure; whatever its
   * disposition, nothing is left open: the job is there or will never be.
   */
  async write(job: LargeJob): Promise<Position> {
    try {
      return await this.#turnstile.pass(() => this.#write(job))
    } finally {
      await job.spool.close()
    }
  }

  async #write(job: LargeJob): Promise<Position> {
    const options = { transactionTimeoutMs: transactionTimeoutMs(job.spool.bytes) }
    const producer = await this.#options.openProducer(options)
    try {
      passFailpoint('upload.write.before', job.command.jobId)
      const position = await producer.commitAll(this.#recordsOf(job))
      passFailpoint('upload.write.after', job.command.jobId)
      return position
    } catch (error) {
      await this.#settle(options, error)
      throw error
    } finally {
      await producer.close()
    }
  }

  async *#recordsOf({ command, spool, place }: LargeJob): AsyncGenerator<readonly OutputRecord[]> {
    const key = command.jobId
    yield [{ ...place, key, value: this.#options.codec.encode(command) }]
    for await (const value of spool.values()) yield [{ ...place, key, value }]
  }

  /** Ends what may be open still. Without, readers of the partition would wait until the transaction times out. */
  async #settle(options: { readonly transactionTimeoutMs: number }, error: unknown): Promise<void> {
    try {
      await (await this.#options.openProducer(options)).close()
    } catch (cause) {
      if (!(cause instanceof KafkaFailure)) throw cause
      throw new Unsettled(error, cause)
    }
  }
}

/** Whether the job was written is not known, nor can it be found out now: the broker will decide it by itself. */
export class Unsettled extends Error {
  override readonly name = 'Unsettled'

  constructor(error: unknown, cause: KafkaFailure) {
    super(`${error instanceof Error ? error.message : String(error)}; and then: ${cause.message}`, { cause })
  }
}
