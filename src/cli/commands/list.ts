import type { Command } from 'commander'
import { Option } from 'commander'
import { JOB_STATUSES, PAGE_LIMIT_MAX, type NcmpJob } from '../../rest/dialects/ncmp/schemas.ts'
import type { AsAction, Cli } from '../cli.ts'
import { serviceClient, urlOption, type UrlOptions } from '../connections.ts'
import { ExitCode } from '../exit-codes.ts'
import { note, outputOption, printJson, wholeNumber, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { renderTable } from '../output/table.ts'
import { jobColumns } from '../service/job-view.ts'
import type { JobList, ServiceClient } from '../service/service-client.ts'

interface ListOptions extends UrlOptions {
  readonly status?: readonly string[]
  readonly destination?: string
  readonly dialect?: string
  readonly tenant?: string
  readonly createdAfter?: string
  readonly createdBefore?: string
  readonly limit: number
  readonly cursor?: string
  readonly output: OutputFormat
}

const LIMIT_DEFAULT = 20
const LIMIT_MAX = 1_000_000

/** `datajob list` */
export function addList(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('list')
    .description('list jobs, the newest first')
    .addOption(new Option('--status <status...>', 'only jobs with one of these').choices(JOB_STATUSES))
    .option('--destination <destination>', 'only jobs whose results go there: kafka:TOPIC or s3:BUCKET')
    .option('--dialect <dialect>', 'only jobs that came through this door: ncmp, kafka, ogc, maap, daggy')
    .option('--tenant <tenant>', 'only jobs of this tenant, such as a workspace')
    .option('--created-after <instant>', 'only jobs created then or later, as in 2026-03-01T12:00:00Z')
    .option('--created-before <instant>', 'only jobs created earlier')
    .option('--limit <number>', 'how many to list at most', wholeNumber(1, LIMIT_MAX), LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'go on where an earlier list ended: its "next"')
    .addOption(urlOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction(async (options: ListOptions) => {
        const list = await fetchPages(serviceClient(cli, options), options)
        printList(cli, list, options.output)
        return ExitCode.Ok
      }),
    )
}

async function fetchPages(client: ServiceClient, options: ListOptions): Promise<JobList> {
  const items: NcmpJob[] = []
  let cursor: string | null = options.cursor ?? null
  do {
    const limit = Math.min(PAGE_LIMIT_MAX, options.limit - items.length)
    const page: JobList = await client.jobs(queryOf(options, limit, cursor))
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== null && items.length < options.limit)
  return { items, next: cursor }
}

function queryOf(options: ListOptions, limit: number, cursor: string | null): [string, string][] {
  const { status = [], destination, dialect, tenant, createdAfter, createdBefore } = options
  const filters = { destination, dialect, tenant, createdAfter, createdBefore, cursor: cursor ?? undefined }
  const given = Object.entries(filters).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  return [['limit', String(limit)], ...status.map((word): [string, string] => ['status', word]), ...given]
}

function printList(cli: Cli, { items, next }: JobList, output: OutputFormat): void {
  const { out } = cli.screen
  if (output === 'json') {
    printJson(out, { items, next })
    return
  }
  if (items.length === 0) note(cli, 'no jobs')
  else printLines(out, renderTable(jobColumns, items, out.paint))
  if (next !== null) note(cli, `there are more: --limit, or --cursor ${next}`)
}

const ABOUT = `
Examples:
  $ datajob list --status RUNNING NOT_STARTED
  $ datajob list --dialect ogc --tenant east
  $ datajob list --created-after 2026-03-01T00:00:00Z --limit 1000 -o json | jq -r '.items[].jobId'

As JSON it is {"items": [...], "next": cursor or null}.`
