import type { Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'
import { urlOption } from '../connections.ts'
import { durationMs, outputOption } from '../options.ts'
import { changeJob, type ChangeOptions } from '../service/change-job.ts'

/** `datajob retry JOBID` */
export function addRetry(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('retry')
    .description('try again what failed of a job')
    .argument('<jobId>', 'the job, which has ended')
    .option('--wait', 'follow the job until it has ended, as "watch" does')
    .option('--timeout <duration>', 'with --wait: give up after this time, as in 30s or 5m', durationMs)
    .addOption(urlOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction((jobId: string, options: ChangeOptions) =>
        changeJob(cli, jobId, { ...options, change: (client) => client.retry(jobId), wanted: null }),
      ),
    )
}

const ABOUT = `
Operations that failed or were cancelled are done again, as the same job; what was done is not, nor reported again.

Examples:
  $ datajob retry replan-7 --wait

Exits with 0 once the job runs again, with --wait as "watch" does; 2 when it has not ended, nothing of it failed, or it
ended too long ago, 3 when there is none, 4 when the service does not answer.`
