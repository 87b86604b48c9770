import type { Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'
import { serviceClient, urlOption, type UrlOptions } from '../connections.ts'
import { durationMs, outputOption, type OutputFormat } from '../options.ts'
import { followJob } from '../service/follow-job.ts'

interface WatchOptions extends UrlOptions {
  readonly output: OutputFormat
  readonly timeout?: number
}

/** `datajob watch JOBID` */
export function addWatch(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('watch')
    .description('follow a job until it has ended')
    .argument('<jobId>', 'the job')
    .option('--timeout <duration>', 'give up after this time, as in 30s or 5m', durationMs)
    .addOption(urlOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction((jobId: string, options: WatchOptions) =>
        followJob(cli, {
          client: serviceClient(cli, options),
          jobId,
          output: options.output,
          timeoutMs: options.timeout ?? null,
        }),
      ),
    )
}

const ABOUT = `
Shows a progress bar on stderr and, at the end, the job on stdout. With -o json every change is a line on stdout; the
last one is the job as it ended. A service that is restarted meanwhile is waited for, up to a minute.

Examples:
  $ datajob watch replan-7
  $ datajob watch replan-7 --timeout 5m -o json | tail -1

Exits with 0 when the job FINISHED, 1 when it FAILED or PARTIALLY_FAILED, 3 when there is no such job, 4 when the
service stays away, 5 when the time is over.`
