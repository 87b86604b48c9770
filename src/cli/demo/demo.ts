import { randomBytes } from 'node:crypto'
import type { Cli } from '../cli.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note } from '../options.ts'
import { Board } from '../output/board.ts'
import { formatDuration } from '../output/units.ts'
import { consume } from './consumed.ts'
import { demoJobs, type DemoNames } from './demo-jobs.ts'
import { DemoSetup } from './environment.ts'
import { type Interruption, onInterruption } from './interruption.ts'
import { runJobs } from './run-jobs.ts'
import { conclusion, heading, introduction, showChecks, showEvents, showJobs, showObjects, showTry } from './show.ts'
import { Steps } from './steps.ts'
import { checkAll } from './verify.ts'

interface Story {
  readonly cli: Cli
  readonly names: DemoNames
  readonly setup: DemoSetup
  readonly board: Board
  readonly keep: boolean
  /** Aborted when nobody waits for the end any more. */
  readonly signal: AbortSignal
}

/** Carries out `datajob demo`. Throws what a part of it fails with; in any case all that was started is stopped. */
export async function demo(cli: Cli, { keep }: { readonly keep: boolean }): Promise<ExitCode> {
  const { out } = cli.screen
  const startedAt = cli.clock.now()
  const names = newNames()
  const setup = new DemoSetup(cli, names)
  const board = new Board(out, cli.timers)
  const interruption = onInterruption(() => setup.kill())
  const abandoned = new AbortController()
  let hasFailed = false
  try {
    const story = tellStory({ cli, names, setup, board, keep, signal: abandoned.signal })
    const exitCode = await Promise.race([story, setup.children.failed, interrupted(cli, board, interruption)])
    board.print(conclusion(exitCode, formatDuration(cli.clock.now() - startedAt), out))
    if (keep) {
      board.print([...heading('All of it stays up. Ctrl-C stops it.', out)])
      await Promise.race([interruption.asked, setup.children.failed])
    }
    return exitCode
  } catch (error) {
    hasFailed = !(error instanceof CommandFailure && error.exitCode === ExitCode.Interrupted)
    throw error
  } finally {
    abandoned.abort()
    board.close()
    await setup.stop({ keepLogs: hasFailed })
    interruption.release()
  }
}

async function interrupted(cli: Cli, board: Board, { asked }: Interruption): Promise<never> {
  await asked
  board.close()
  note(cli, 'stopping what was started; Ctrl-C again stops it at once')
  throw new CommandFailure(ExitCode.Interrupted, 'interrupted')
}

async function tellStory({ cli, names, setup, board, keep, signal }: Story): Promise<ExitCode> {
  const { out } = cli.screen
  board.print(introduction(out))
  const steps = new Steps(board, out, cli.clock)
  const environment = await setup.start(steps, signal)
  const jobs = demoJobs(names)
  board.print(heading('Jobs under way', out))
  const ended = await runJobs({ cli, board, client: environment.client, jobs, signal })
  const consumed = await consume(cli, environment, names, jobs)
  const checks = checkAll(jobs, ended, consumed)
  board.print(showJobs(ended, out))
  board.print(showEvents(consumed.records, names.topic, out))
  board.print(showObjects(consumed.bucket, names.bucket, out))
  board.print(showChecks(checks, out))
  board.print(
    showTry(
      {
        url: environment.client.url,
        brokers: environment.endpoints.kafkaBrokers,
        commandTopic: `${environment.config.topicPrefix}commands`,
        names,
        isKept: keep,
      },
      out,
    ),
  )
  return checks.every(({ problems }) => problems.length === 0) ? ExitCode.Ok : ExitCode.JobFailed
}

/** Of its own for each run, so that it can be repeated on the same servers. */
function newNames(): DemoNames {
  const run = `demo-${randomBytes(3).toString('hex')}`
  return { run, topic: `${run}-results`, bucket: run }
}
