import { pollDelayMs, retryDelayMs } from '../../domain/poll-schedule.ts'
import type { DispatcherOptions } from './dispatcher-options.ts'
import type { DispatcherCompletion } from './subjob-calls.ts'
import type { SubjobEntry } from './subjob-entry.ts'

/** When a subjob's producer is called again. */
export class NextCall {
  readonly #options: Pick<DispatcherOptions, 'polls' | 'retries' | 'random'>
  /** Services that had done their latest subjob when they were first asked for it: the next one is asked for at once. */
  readonly #prompt = new Set<string>()

  constructor(options: Pick<DispatcherOptions, 'polls' | 'retries' | 'random'>) {
    this.#options = options
  }

  /**
   * A call that did not settle the matter is made again: a poll when it may have news, a failed one when it may work.
   *
   * @param entry as the completion has left it
   * @returns milliseconds from now; null where there is nothing to call for
   */
  delayMs(completion: DispatcherCompletion, { subjob, dispatch }: SubjobEntry, now: number): number | null {
    if (subjob.state !== 'polling' && subjob.state !== 'publishing') return null
    if (completion.type === 'CallFailed' && subjob.failures > 0) return this.retryDelayMs(subjob.failures, completion.retryAfterMs)
    if (subjob.state === 'publishing') return completion.type === 'SinkFailed' ? this.retryDelayMs(subjob.sinkFailures, 0) : null
    if (completion.type === 'Submitted' && this.#prompt.has(dispatch.service)) return 0
    return pollDelayMs(this.#options.polls, now - subjob.attempt.startedAt, this.#options.random())
  }

  retryDelayMs(failures: number, retryAfterMs: number): number {
    return retryDelayMs(this.#options.retries, failures, this.#options.random(), retryAfterMs)
  }

  /** Hears what the producer said when it was asked how far it is. */
  heard({ status }: Extract<DispatcherCompletion, { readonly type: 'Polled' }>, entry: SubjobEntry): void {
    if (entry.isPolled) return
    entry.isPolled = true
    if (status === 'finished') this.#prompt.add(entry.dispatch.service)
    else this.#prompt.delete(entry.dispatch.service)
  }
}
