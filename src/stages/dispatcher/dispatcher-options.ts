import type { PollRules, RetryRules } from '../../domain/poll-schedule.ts'
import type { Random } from '../../runtime/random.ts'
import type { OperationStore } from '../operation-store.ts'
import type { IsPaused } from './paused-subjobs.ts'

export interface DispatcherOptions {
  /** Names this process in attempts. */
  readonly worker: string
  readonly random: Random
  readonly polls: PollRules
  readonly retries: RetryRules
  readonly callFailuresMax: number
  readonly store: OperationStore
  /** From a subjob's first submission to its end. */
  readonly subjobTimeoutMs: (service: string) => number
  /** How long a producer is waited for after it was asked to stop. */
  readonly cancelTimeoutMs: number
  /** Subjobs that one producer of the service works on at a time. */
  readonly subjobsInFlightMax: (service: string) => number
  /** The definition that an operation with that path asks for; null where it asks for none. */
  readonly definitionOf: (path: string) => string | null
  readonly isPaused: IsPaused
  /** After a restart, polls begin spread over this time. */
  readonly resumeSpreadMs: number
}
