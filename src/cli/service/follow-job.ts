import type { NcmpJob, NcmpStatus } from '../../rest/dialects/ncmp/schemas.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Cli } from '../cli.ts'
import { ExitCode } from '../exit-codes.ts'
import { note, printJsonLine, type OutputFormat } from '../options.ts'
import { LiveRegion } from '../output/live-region.ts'
import { printLines } from '../output/screen.ts'
import { describeProgress, exitCodeOf, renderJob, renderProgressLine } from './job-view.ts'
import type { ServiceClient } from './service-client.ts'
import { watchJob } from './watch-job.ts'

export interface FollowOptions {
  readonly client: ServiceClient
  readonly jobId: string
  readonly output: OutputFormat
  readonly timeoutMs: number | null
  /** How the job is to end, where that is not FINISHED. */
  readonly wanted?: NcmpStatus | null
}

/**
 * Watches a job to its end: as JSON, a line for each change; else a bar (or some notes where there is no terminal), and
 * at the end the job. Answers what its outcome means for a script; throws as {@link watchJob} does.
 */
export async function followJob(cli: Cli, { client, jobId, output, timeoutMs, wanted }: FollowOptions): Promise<ExitCode> {
  const view = output === 'json' ? jsonView(cli) : cli.screen.err.isTty ? barView(cli) : notesView(cli)
  try {
    const job = await watchJob({
      ask: () => client.job(jobId),
      clock: cli.clock,
      timers: cli.timers,
      timeoutMs,
      onChange: view.change,
      onOutage: (failure) => {
        view.outage(failure.message)
      },
    })
    view.end()
    if (output === 'table') printLines(cli.screen.out, renderJob(job, cli.screen.out))
    return job.status === wanted ? ExitCode.Ok : (exitCodeOf(job) ?? ExitCode.Ok)
  } catch (error) {
    view.end()
    throw error
  }
}

interface View {
  readonly change: (job: NcmpJob) => void
  readonly outage: (message: string) => void
  readonly end: () => void
}

function jsonView(cli: Cli): View {
  return {
    change: (job) => {
      printJsonLine(cli.screen.out, job)
    },
    outage: onceInARow((message) => {
      note(cli, `${message}; asking again`)
    }),
    end: nothing,
  }
}

function barView(cli: Cli): View {
  const { err } = cli.screen
  const region = new LiveRegion(err)
  return {
    change: (job) => {
      region.draw([renderProgressLine(job.jobId, job, err)])
    },
    outage: (message) => {
      region.draw([err.paint('yellow', `${message}; asking again`)])
    },
    end: () => {
      region.clear()
    },
  }
}

const NOTE_PAUSE_MS = 2_000

function notesView(cli: Cli): View {
  const due = every(cli.clock, NOTE_PAUSE_MS)
  let status = ''
  return {
    change: (job) => {
      if (job.status === status && !due()) return
      status = job.status
      note(cli, `${job.jobId}: ${describeProgress(job)}`)
    },
    outage: onceInARow((message) => {
      note(cli, `${message}; asking again`)
    }),
    end: nothing,
  }
}

/** Whether that much time has passed since it was last true. */
export function every(clock: Clock, pauseMs: number): () => boolean {
  let next = clock.now() + pauseMs
  return () => {
    const now = clock.now()
    if (now < next) return false
    next = now + pauseMs
    return true
  }
}

function onceInARow(say: (message: string) => void): (message: string) => void {
  let last = ''
  return (message) => {
    if (message !== last) say(message)
    last = message
  }
}

function nothing(): void {
  // Nothing is left on the screen that would have to go.
}
