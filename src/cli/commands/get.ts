import type { Command } from 'commander'
import { PAGE_LIMIT_MAX } from '../../rest/dialects/ncmp/schemas.ts'
import type { NcmpSubjob } from '../../rest/dialects/ncmp/subjob-schemas.ts'
import type { AsAction, Cli } from '../cli.ts'
import { serviceClient, urlOption, type UrlOptions } from '../connections.ts'
import { ExitCode } from '../exit-codes.ts'
import { outputOption, printJson, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { renderTable } from '../output/table.ts'
import { renderJob } from '../service/job-view.ts'
import type { ServiceClient, SubjobList } from '../service/service-client.ts'
import { subjobColumns } from '../service/subjob-view.ts'

interface GetOptions extends UrlOptions {
  readonly output: OutputFormat
  readonly subjobs?: true
}

/** `datajob get JOBID` */
export function addGet(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('get')
    .description('show how far a job is')
    .argument('<jobId>', 'the job')
    .option('--subjobs', 'show what it was split into as well: how far each part is, and what it waits for')
    .addOption(urlOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction(async (jobId: string, options: GetOptions) => {
        const client = serviceClient(cli, options)
        const job = await client.job(jobId)
        const { out } = cli.screen
        const subjobs = options.subjobs === true ? await subjobsOf(client, jobId) : null
        if (options.output === 'json') {
          printJson(out, subjobs === null ? job : { ...job, subjobs })
          return ExitCode.Ok
        }
        printLines(out, renderJob(job, out))
        if (subjobs !== null && subjobs.length > 0) printLines(out, ['', ...renderTable(subjobColumns, subjobs, out.paint)])
        return ExitCode.Ok
      }),
    )
}

/** All of them: a job has thousands at most, but for one whose operations depend on each other. */
async function subjobsOf(client: ServiceClient, jobId: string): Promise<readonly NcmpSubjob[]> {
  const subjobs: NcmpSubjob[] = []
  let cursor: string | null = null
  do {
    const query: [string, string][] = [['limit', String(PAGE_LIMIT_MAX)]]
    if (cursor !== null) query.push(['cursor', cursor])
    const page: SubjobList = await client.subjobs(jobId, query)
    subjobs.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return subjobs
}

const ABOUT = `
Examples:
  $ datajob get replan-7
  $ datajob get replan-7 -o json | jq .counts.operations
  $ datajob get replan-7 --subjobs
  $ datajob get replan-7 --subjobs -o json | jq '.subjobs[] | select(.status == "FAILED") | .message'

Exits with 0 when there is such a job, however it fared ("watch" tells that), 3 when there is none, 4 when the service
does not answer.`
