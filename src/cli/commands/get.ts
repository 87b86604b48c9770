import type { Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'
import { serviceClient, urlOption, type UrlOptions } from '../connections.ts'
import { ExitCode } from '../exit-codes.ts'
import { outputOption, printJson, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { renderJob } from '../service/job-view.ts'

interface GetOptions extends UrlOptions {
  readonly output: OutputFormat
}

/** `datajob get JOBID` */
export function addGet(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('get')
    .description('show how far a job is')
    .argument('<jobId>', 'the job')
    .addOption(urlOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction(async (jobId: string, options: GetOptions) => {
        const job = await serviceClient(cli, options).job(jobId)
        const { out } = cli.screen
        if (options.output === 'json') printJson(out, job)
        else printLines(out, renderJob(job, out))
        return ExitCode.Ok
      }),
    )
}

const ABOUT = `
Examples:
  $ datajob get replan-7
  $ datajob get replan-7 -o json | jq .counts.operations

Exits with 0 when there is such a job, however it fared ("watch" tells that), 3 when there is none, 4 when the service
does not answer.`
