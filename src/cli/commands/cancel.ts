import type { Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'
import { urlOption } from '../connections.ts'
import { durationMs, outputOption } from '../options.ts'
import { changeJob, type ChangeOptions } from '../service/change-job.ts'

/** `datajob cancel JOBID` */
export function addCancel(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('cancel')
    .description('stop a job')
    .argument('<jobId>', 'the job')
    .option('--wait', 'follow the job until it has ended, as "watch" does')
    .option('--timeout <duration>', 'with --wait: give up after this time, as in 30s or 5m', durationMs)
    .addOption(urlOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction((jobId: string, options: ChangeOptions) =>
        changeJob(cli, jobId, { ...options, change: (client) => client.cancel(jobId), wanted: 'CANCELLED' }),
      ),
    )
}

const ABOUT = `
What was not begun never is; what was begun is cancelled where its producer can, and what it did is published still.

Examples:
  $ datajob cancel replan-7
  $ datajob cancel replan-7 --wait

Exits with 0 once the cancellation is durable, with --wait once the job is CANCELLED (1 when it ended otherwise first); 2
when the job has ended already, 3 when there is none, 4 when the service does not answer.`
