/** Writes the last word on a job, or prepares it for the transaction that ends the job. */
import { type RetryRules, retryDelayMs } from '../domain/poll-schedule.ts'
import { delay, type Timers } from '../runtime/clock.ts'
import { passFailpoint } from '../runtime/failpoints.ts'
import type { Random } from '../runtime/random.ts'
import { SinkFailure } from '../sinks/sink.ts'
import type { ConcludeJob, JobConclusion } from '../stages/coordinator/conclusion.ts'
import type { EffectRunner } from '../stages/stage.ts'
import { sinkFor, type Sinks } from './sink-choice.ts'

export interface ConclusionOptions {
  readonly sinks: Sinks
  readonly retries: RetryRules
  readonly random: Random
  readonly timers: Timers
}

/** Waits for a destination that is away, however long; one that refuses ends the job with the reason as its message. */
export function coordinatorEffects({ sinks, retries, random, timers }: ConclusionOptions): EffectRunner<ConcludeJob, JobConclusion> {
  return async ({ job, destination, objects }, signal) => {
    const { sink, name } = sinkFor(sinks, destination)
    passFailpoint('effect.conclude.before', job.jobId)
    for (let failures = 1; ; failures += 1) {
      try {
        const records = await sink.conclude({ job, destination: name, objects })
        passFailpoint('effect.conclude.after', job.jobId)
        return { jobId: job.jobId, records, message: null }
      } catch (error) {
        if (!(error instanceof SinkFailure)) throw error
        if (error.disposition === 'reject') return { jobId: job.jobId, records: [], message: error.message }
      }
      await delay(timers, retryDelayMs(retries, failures, random()), signal)
    }
  }
}
