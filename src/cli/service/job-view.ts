/** A job as the service tells of it, for people. */
import type { NcmpJob, NcmpStatus } from '../../rest/dialects/ncmp/schemas.ts'
import { ExitCode } from '../exit-codes.ts'
import { barWidth, formatProgress, renderBar } from '../output/progress-bar.ts'
import type { Pane, Style } from '../output/screen.ts'
import type { Column } from '../output/table.ts'
import { formatCount, formatDuration, formatInstant } from '../output/units.ts'
import { oneLine, padVisible, visibleWidth } from '../output/width.ts'

const ends: Record<NcmpStatus, ExitCode | null> = {
  NOT_STARTED: null,
  RUNNING: null,
  FINISHED: ExitCode.Ok,
  PARTIALLY_FAILED: ExitCode.JobFailed,
  FAILED: ExitCode.JobFailed,
  CANCELLING: null,
  CANCELLED: ExitCode.JobFailed,
}

/** What waiting for the job ends with; null while it goes on. */
export function exitCodeOf(job: NcmpJob): ExitCode | null {
  return ends[job.status]
}

const styles: Record<NcmpStatus, Style> = {
  NOT_STARTED: 'dim',
  RUNNING: 'cyan',
  FINISHED: 'green',
  PARTIALLY_FAILED: 'yellow',
  FAILED: 'red',
  CANCELLING: 'yellow',
  CANCELLED: 'yellow',
}

export function statusStyle(status: NcmpStatus): Style {
  return styles[status]
}

/** Milliseconds from its creation to its end; null while it goes on. */
function elapsedMs({ createdAt, finishedAt }: Pick<NcmpJob, 'createdAt' | 'finishedAt'>): number | null {
  return finishedAt === null ? null : Date.parse(finishedAt) - Date.parse(createdAt)
}

/** How long it took; empty while it goes on. */
export function formatElapsed(job: NcmpJob): string {
  const elapsed = elapsedMs(job)
  return elapsed === null ? '' : formatDuration(elapsed)
}

/** Everything about one job, a line for each thing. */
export function renderJob(job: NcmpJob, pane: Pane): string[] {
  const { operations, subjobs } = job.counts
  const lines: [string, string | null][] = [
    ['job', job.jobId],
    ['status', pane.paint(styles[job.status], job.status)],
    ['run', job.run === 1 ? null : String(job.run)],
    ['kind', job.kind],
    ['dialect', job.tenant === 'default' ? job.dialect : `${job.dialect}, of ${job.tenant}`],
    ['destination', job.destination ?? 'none: kept by the service'],
    ['results', job.resultsuri],
    [
      'operations',
      parts(operations.total, [
        [operations.succeeded, 'succeeded'],
        [operations.failed, 'failed'],
      ]),
    ],
    [
      'subjobs',
      parts(subjobs.total, [
        [subjobs.succeeded, 'succeeded'],
        [subjobs.partiallyFailed, 'partially failed'],
        [subjobs.failed, 'failed'],
      ]),
    ],
    ['created', formatInstant(job.createdAt) + (job.submittedBy === null ? '' : ` by ${job.submittedBy}`)],
    ['started', job.startedAt === null ? null : formatInstant(job.startedAt)],
    ['finished', job.finishedAt === null ? null : formatInstant(job.finishedAt)],
    ['elapsed', job.finishedAt === null ? null : formatElapsed(job)],
    ['history', historyOf(job)],
    ['deadline', job.deadline === null ? null : formatInstant(job.deadline)],
    ['message', job.message === null ? null : oneLine(job.message)],
  ]
  const shown = lines.filter((line): line is [string, string] => line[1] !== null)
  const width = Math.max(...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${pane.paint('dim', name.padEnd(width))}  ${value}`)
}

/** The latest of what its state does not show any more. */
function historyOf({ milestones }: NcmpJob): string | null {
  if (milestones.length === 0) return null
  const latest = milestones.slice(-HISTORY_SHOWN_MAX).map(({ what, at, status }) => `${status ?? what} ${formatInstant(at)}`)
  return `${milestones.length > latest.length ? '…, ' : ''}${latest.join(', ')}`
}

const HISTORY_SHOWN_MAX = 4

function parts(total: number, counts: readonly (readonly [number, string])[]): string {
  const known = counts.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`)
  return known.length === 0 ? formatCount(total) : `${formatCount(total)}: ${known.join(', ')}`
}

/** One line that shows how far the job is. */
export function renderProgressLine(name: string, job: NcmpJob, pane: Pane): string {
  const { operations } = job.counts
  const status = padVisible(pane.paint(styles[job.status], job.status), LONGEST_STATUS, 'left')
  const failed = operations.failed === 0 ? '' : `  ${pane.paint('red', `${formatCount(operations.failed)} failed`)}`
  const around = `${name}  ${formatProgress(operations)}  ${status}${failed}`
  const bar = renderBar(operations, barWidth(pane.columns(), visibleWidth(around) + 2), pane.paint)
  return `${name}  ${bar}  ${formatProgress(operations)}  ${status}${failed}`
}

const LONGEST_STATUS = Math.max(...Object.keys(ends).map(({ length }) => length))

/** The same without a bar, for where lines stay. */
export function describeProgress(job: NcmpJob): string {
  const { operations } = job.counts
  const failed = operations.failed === 0 ? '' : `, ${formatCount(operations.failed)} failed`
  const done = formatCount(operations.succeeded + operations.failed)
  return `${job.status}, ${done} of ${formatCount(operations.total)} operations${failed}`
}

/** Columns for several jobs below each other. */
export const jobColumns: readonly Column<NcmpJob>[] = [
  { title: 'job', cell: ({ jobId }) => jobId },
  { title: 'status', cell: ({ status }) => status, style: ({ status }, text, paint) => paint(styles[status], text) },
  { title: 'kind', cell: ({ kind }) => kind },
  { title: 'dialect', cell: ({ dialect }) => dialect },
  { title: 'operations', align: 'right', cell: ({ counts }) => formatCount(counts.operations.total) },
  { title: 'succeeded', align: 'right', cell: ({ counts }) => formatCount(counts.operations.succeeded) },
  {
    title: 'failed',
    align: 'right',
    cell: ({ counts }) => formatCount(counts.operations.failed),
    style: ({ counts }, text, paint) => (counts.operations.failed === 0 ? text : paint('red', text)),
  },
  { title: 'created', cell: ({ createdAt }) => formatInstant(createdAt) },
  {
    title: 'elapsed',
    align: 'right',
    cell: formatElapsed,
  },
  { title: 'destination', cell: ({ destination }) => destination ?? '' },
]
