import type { NcmpJob } from '../../rest/dialects/ncmp/schemas.ts'
import type { Cli } from '../cli.ts'
import type { Board } from '../output/board.ts'
import { barWidth, formatProgress, type Progress, renderBar } from '../output/progress-bar.ts'
import type { Pane } from '../output/screen.ts'
import { formatDuration } from '../output/units.ts'
import { padVisible } from '../output/width.ts'
import { every } from '../service/follow-job.ts'
import { statusStyle } from '../service/job-view.ts'
import type { ServiceClient } from '../service/service-client.ts'
import { watchJob } from '../service/watch-job.ts'
import { bodyOf, type DemoJob } from './demo-jobs.ts'

/** A job under way. */
interface RunningJob {
  readonly job: DemoJob
  readonly startedAt: number
  latest: NcmpJob | null
  /** When it had ended. */
  endedAt: number | null
}

const NOTE_PAUSE_MS = 2_000

export interface RunJobsOptions {
  readonly cli: Cli
  readonly board: Board
  readonly client: ServiceClient
  readonly jobs: readonly DemoJob[]
  readonly signal: AbortSignal
}

/** Submits the jobs and follows them, with a bar for each. Throws CommandFailure, or the signal's reason. */
export async function runJobs({ cli, board, client, jobs, signal }: RunJobsOptions): Promise<readonly NcmpJob[]> {
  const { clock, timers, screen } = cli
  const running = jobs.map((job): RunningJob => ({ job, startedAt: clock.now(), latest: null, endedAt: null }))
  const lines = (): string[] => running.map((each) => renderLine(each, clock.now(), screen.out))
  const due = every(clock, NOTE_PAUSE_MS)
  board.show(lines)
  const ended = await Promise.all(
    running.map(async (each) => {
      await client.submit({
        body: Buffer.from(bodyOf(each.job)),
        destination: each.job.destination,
        ...{ idempotencyKey: null, strict: false, deadline: null },
      })
      const end = await watchJob({
        ask: () => client.job(each.job.jobId),
        clock,
        timers,
        timeoutMs: null,
        signal,
        onChange: (latest) => {
          each.latest = latest
          if (!screen.out.isTty && due()) board.print([describe(running)])
        },
        onOutage: () => undefined,
      })
      each.endedAt = clock.now()
      return end
    }),
  )
  const last = lines()
  board.hide()
  board.print(last)
  return ended
}

const LABEL_WIDTH = 18
const STATUS_WIDTH = 'PARTIALLY_FAILED'.length
const TIME_WIDTH = 7

function renderLine({ job, startedAt, latest, endedAt }: RunningJob, now: number, pane: Pane): string {
  const progress = progressOf(job, latest)
  const status = latest?.status ?? 'NOT_STARTED'
  const time = formatDuration((endedAt ?? now) - startedAt)
  const before = `  ${pane.paint('bold', padVisible(job.label, LABEL_WIDTH, 'left'))} `
  const shownStatus = pane.paint(statusStyle(status), status.padEnd(STATUS_WIDTH))
  const shownTime = pane.paint('dim', padVisible(time, TIME_WIDTH, 'right'))
  const after = `  ${formatProgress(progress)}  ${shownStatus}  ${shownTime}`
  const textWidth = 2 + LABEL_WIDTH + 1 + 2 + formatProgress(progress).length + 2 + STATUS_WIDTH + 2 + TIME_WIDTH
  return `${before}${renderBar(progress, barWidth(pane.columns(), textWidth), pane.paint)}${after}`
}

function progressOf(job: DemoJob, latest: NcmpJob | null): Progress {
  const { total, succeeded, failed } = latest?.counts.operations ?? { total: 0, succeeded: 0, failed: 0 }
  return { total: total === 0 ? job.operations.length : total, succeeded, failed }
}

/** How far they are, on one line that stays. */
function describe(running: readonly RunningJob[]): string {
  const parts = running.map(({ job, latest }) => `${job.label} ${formatProgress(progressOf(job, latest)).trim()}`)
  return `  … ${parts.join(',  ')}`
}
