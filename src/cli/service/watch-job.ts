import type { NcmpJob } from '../../rest/dialects/ncmp/schemas.ts'
import { type Clock, delay, type Timers } from '../../runtime/clock.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { exitCodeOf } from './job-view.ts'

export interface WatchOptions {
  /** Asks how far the job is. */
  readonly ask: () => Promise<NcmpJob>
  readonly clock: Clock
  readonly timers: Timers
  /** How long to watch at most; null means as long as it takes. */
  readonly timeoutMs: number | null
  /** Ends the watch when it is aborted; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Called with the first answer and with each that differs from the one before. */
  readonly onChange: (job: NcmpJob) => void
  /** Called when the service does not answer; it is asked again. */
  readonly onOutage: (failure: CommandFailure) => void
}

const PAUSE_MS_MIN = 100
const PAUSE_MS_MAX = 2_000
const PAUSE_GROWTH = 1.4
/** A service that is started again is back within this time; one that stays away longer is not waited for. */
const OUTAGE_MS_MAX = 60_000

/**
 * Asks until the job has ended, less and less often while nothing happens. Throws a CommandFailure: `Timeout`, or what
 * asking failed with, an outage only when it lasts.
 */
export async function watchJob(options: WatchOptions): Promise<NcmpJob> {
  const { clock, timers, timeoutMs, signal, onChange } = options
  const giveUpAt = timeoutMs === null ? Infinity : clock.now() + timeoutMs
  let shown = ''
  let pauseMs = PAUSE_MS_MIN
  for (;;) {
    const job = await askThroughOutages(options, giveUpAt)
    const text = JSON.stringify(job)
    if (text !== shown) onChange(job)
    pauseMs = text === shown ? Math.min(PAUSE_MS_MAX, pauseMs * PAUSE_GROWTH) : PAUSE_MS_MIN
    shown = text
    if (exitCodeOf(job) !== null) return job
    const leftMs = giveUpAt - clock.now()
    if (leftMs <= 0)
      throw new CommandFailure(ExitCode.Timeout, `job ${job.jobId} is still ${job.status} after ${timeoutMs ?? 0} ms`)
    await delay(timers, Math.min(pauseMs, leftMs), signal)
  }
}

async function askThroughOutages(
  { ask, clock, timers, signal, onOutage }: WatchOptions,
  giveUpAt: number,
): Promise<NcmpJob> {
  const outageEnd = Math.min(giveUpAt, clock.now() + OUTAGE_MS_MAX)
  let pauseMs = PAUSE_MS_MIN
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode !== ExitCode.Unreachable || clock.now() >= outageEnd)
        throw error
      onOutage(error)
    }
    await delay(timers, pauseMs, signal)
    pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * PAUSE_GROWTH)
  }
}
