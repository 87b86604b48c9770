/** Commands about many jobs, written as one: all of them are on the topic, or none (docs/adr/0013). */
import type { CancelJob, ReleaseJob, RetryJob } from '../../domain/messages.ts'
import { KafkaFailure, type OutputRecord } from '../../kafka/port.ts'
import { passFailpoint } from '../../runtime/failpoints.ts'
import { Turnstile } from '../../runtime/turnstile.ts'
import type { JobDependencies } from '../dependencies.ts'
import { Refusal, RETRY_AFTER_S, unavailable } from '../errors.ts'
import { bounded } from './bounded.ts'
import { transactionTimeoutMs } from './large-jobs.ts'

export type BulkedCommand = CancelJob | RetryJob | ReleaseJob

type BulkDependencies = Pick<JobDependencies, 'codec' | 'openBulkProducer' | 'progress' | 'topics' | 'timers' | 'limits'>

/** Records sent at a time, within the transaction. */
const BATCH_RECORDS_MAX = 500
/** As many commands as are sure to be written before their transaction times out. */
export const BULK_MAX = 200_000
const RECORD_BYTES = 512

export class BulkCommands {
  readonly #deps: BulkDependencies
  // Each has a producer for itself, all with the same id: opening one settles what became of the one before.
  readonly #turnstile = new Turnstile()

  constructor(deps: BulkDependencies) {
    this.#deps = deps
  }

  /** Resolves once all are durable. Throws a 413 where there are too many, a 503 where it is not known, or is so, that none is. */
  async write(commands: readonly BulkedCommand[]): Promise<void> {
    if (commands.length > BULK_MAX) {
      const details = `Say which: a command is about ${BULK_MAX} at most.`
      throw new Refusal(413, `${commands.length} jobs are too many for one command`, { details })
    }
    if (commands.length > 0) await this.#turnstile.pass(() => this.#writeAll(commands))
  }

  async #writeAll(commands: readonly BulkedCommand[]): Promise<void> {
    const { openBulkProducer, timers, limits } = this.#deps
    const options = { transactionTimeoutMs: transactionTimeoutMs(commands.length * RECORD_BYTES) }
    const producer = await openBulkProducer(options)
    try {
      passFailpoint('command.write.before', `${commands.length} jobs`)
      const timeoutMs = limits.backendTimeoutMs + options.transactionTimeoutMs
      await bounded(producer.commitAll(this.#recordsOf(commands)), { timers, timeoutMs, who: 'Kafka' })
      passFailpoint('command.write.after', `${commands.length} jobs`)
    } catch (error) {
      if (!(error instanceof KafkaFailure)) throw error
      await this.#settle(options)
      throw unavailable('Whether the command was written is not known', { retryAfterS: RETRY_AFTER_S, details: AGAIN, cause: error })
    } finally {
      await producer.close()
    }
  }

  /** Ends what may be open still, where Kafka can be reached; else the transaction times out, and its readers wait until then. */
  async #settle(options: { readonly transactionTimeoutMs: number }): Promise<void> {
    try {
      await (await this.#deps.openBulkProducer(options)).close()
    } catch (error) {
      if (!(error instanceof KafkaFailure)) throw error
    }
  }

  async *#recordsOf(commands: readonly BulkedCommand[]): AsyncGenerator<readonly OutputRecord[]> {
    const { codec, topics, progress } = this.#deps
    for (let from = 0; from < commands.length; from += BATCH_RECORDS_MAX) {
      yield await Promise.resolve(
        commands.slice(from, from + BATCH_RECORDS_MAX).map((command) => ({
          ...{ topic: topics.commands, partition: progress.homePartition(command.jobId), key: command.jobId },
          value: codec.encode(command),
        })),
      )
    }
  }
}

const AGAIN = 'It was written for all jobs or for none. Send it again: what was done is not done twice.'
