/** The pages of the demo: what it has to show once the jobs have ended. */
import { isSuccess } from '../../domain/response-code.ts'
import type { NcmpJob } from '../../rest/dialects/ncmp/schemas.ts'
import type { InputRecord } from '../../kafka/port.ts'
import { NCMP_PATH } from '../../rest/dialects/ncmp/mapping.ts'
import { ExitCode } from '../exit-codes.ts'
import type { Pane } from '../output/screen.ts'
import { type Column, renderTable } from '../output/table.ts'
import { formatBytes, formatCount, formatNumberOf } from '../output/units.ts'
import { clipVisible } from '../output/width.ts'
import { isCompletion, reportsOf } from '../../results/result-event.ts'
import { renderEvent } from '../results/result-printer.ts'
import { formatElapsed } from '../service/job-view.ts'
import type { ConsumedObjects } from './consumed.ts'
import type { DemoNames } from './demo-jobs.ts'
import { elementPath } from './network.ts'
import type { Check } from './verify.ts'

export function heading(text: string, { paint }: Pane): string[] {
  return ['', paint('bold', text)]
}

export function introduction({ paint }: Pane): string[] {
  const story = 'three jobs of 1,150 operations in all, from submission to results, over a real Kafka'
  return ['', `${paint(['bold', 'cyan'], 'datajob')}  ${story}`, '']
}

export function conclusion(exitCode: ExitCode, time: string, { paint }: Pane): string[] {
  const isGood = exitCode === ExitCode.Ok
  const text = isGood ? 'what came out is what was asked for' : 'what came out is not what was asked for'
  return ['', `${paint(isGood ? 'green' : 'red', `${isGood ? '✔' : '✘'} ${text}`)}  ${paint('dim', time)}`]
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

const jobColumns: readonly Column<NcmpJob>[] = [
  { title: 'job', cell: ({ jobId }) => jobId },
  { title: 'operations', align: 'right', cell: ({ counts }) => formatCount(counts.operations.total) },
  { title: 'subjobs', align: 'right', cell: ({ counts }) => formatCount(counts.subjobs.total) },
  { title: 'succeeded', align: 'right', cell: ({ counts }) => formatCount(counts.operations.succeeded) },
  {
    title: 'failed',
    align: 'right',
    cell: ({ counts }) => formatCount(counts.operations.failed),
    style: ({ counts }, text, paint) => (counts.operations.failed === 0 ? text : paint('red', text)),
  },
  { title: 'elapsed', align: 'right', cell: formatElapsed },
]

export function showJobs(jobs: readonly NcmpJob[], pane: Pane): string[] {
  return [...heading('Jobs', pane), ...indented(renderTable(jobColumns, jobs, pane.paint))]
}

/** An event of each job (one that reports a failure, where there is one), and the last event of one of them. */
export function showEvents(records: readonly InputRecord[], topic: string, pane: Pane): string[] {
  const results = records.filter((record) => !isCompletion(record))
  const jobs = [...new Set(results.map(({ headers }) => headers['ce_correlationid']))]
  const samples = jobs.map((job) => {
    const own = results.filter(({ headers }) => headers['ce_correlationid'] === job)
    return own.find(reportsFailure) ?? own[0]
  })
  const shown = [...samples, records.findLast(isCompletion)].filter((record) => record !== undefined)
  const title = `Results on topic ${topic}: ${shown.length} of ${formatNumberOf(records.length, 'event')}, as consumed`
  return [...heading(title, pane), ...indented(shown.flatMap((record) => renderSample(record, pane)))]
}

function reportsFailure({ value }: InputRecord): boolean {
  return reportsOf(value)?.some(({ statusCode }) => statusCode !== undefined && !isSuccess(statusCode)) ?? false
}

const VALUE_LINES_MAX = 3

/** The event, its value on a few lines of the terminal's width. */
function renderSample(record: InputRecord, pane: Pane): string[] {
  const lines = renderEvent(record, pane)
  const width = pane.columns() - 6
  const value = (lines.at(-1) ?? '').trim()
  const rows = Array.from({ length: VALUE_LINES_MAX }, (_, row) => value.slice(row * width, (row + 1) * width)).filter(
    (row) => row !== '',
  )
  const isCut = value.length > VALUE_LINES_MAX * width
  const shown = rows.map((row, at) => `  ${isCut && at === rows.length - 1 ? `${row.slice(0, -1)}…` : row}`)
  return [...lines.slice(0, -1).map((line) => clipVisible(line, width)), ...shown]
}

interface ShownObject {
  readonly key: string
  readonly bytes: string
  readonly holds: string
}

const objectColumns: readonly Column<ShownObject>[] = [
  { title: 'object', cell: ({ key }) => key },
  { title: 'size', align: 'right', cell: ({ bytes }) => bytes },
  { title: 'holds', cell: ({ holds }) => holds },
]

const OBJECTS_SHOWN = 4

export function showObjects({ keys, manifest }: ConsumedObjects, bucket: string, pane: Pane): string[] {
  const objects = manifest?.objects ?? []
  const shown = objects.slice(0, OBJECTS_SHOWN).map(({ key, bytes, operations }): ShownObject => {
    return { key, bytes: formatBytes(bytes), holds: formatNumberOf(operations, 'operation') }
  })
  const more = objects.length - shown.length
  const rest: ShownObject[] = more > 0 ? [{ key: `… and ${more} more`, bytes: '', holds: '' }] : []
  const last = {
    key: keys.find((key) => key.endsWith('/manifest.json')) ?? 'no manifest',
    bytes: '',
    holds: 'the manifest, written last',
  }
  const title = `Results in bucket ${bucket}: ${formatNumberOf(keys.length, 'object')}`
  return [...heading(title, pane), ...indented(renderTable(objectColumns, [...shown, ...rest, last], pane.paint))]
}

const PROBLEMS_SHOWN = 10

export function showChecks(checks: readonly Check[], pane: Pane): string[] {
  const { paint } = pane
  const width = Math.max(...checks.map(({ jobId }) => jobId.length))
  const lines = checks.flatMap(({ jobId, text, problems }) => {
    if (problems.length === 0) return [`${paint('green', '✔')} ${paint('bold', jobId.padEnd(width))}  ${text}`]
    const more = problems.length - PROBLEMS_SHOWN
    const shown = [
      ...problems.slice(0, PROBLEMS_SHOWN),
      ...(more > 0 ? [`… and ${formatNumberOf(more, 'problem')} more`] : []),
    ]
    return [`${paint('red', '✘')} ${paint('bold', jobId)}`, ...shown.map((problem) => `    ${paint('red', problem)}`)]
  })
  return [...heading('What was consumed, held against what was submitted', pane), ...indented(lines)]
}

export interface TryFacts {
  readonly url: string
  readonly brokers: string
  readonly commandTopic: string
  readonly names: DemoNames
  readonly isKept: boolean
}

/** Command lines to try by hand. */
export function showTry({ url, brokers, commandTopic, names, isKept }: TryFacts, pane: Pane): string[] {
  const { paint } = pane
  const { run, topic } = names
  const path = `${url}${NCMP_PATH}/dataJob`
  const json = "-H 'content-type: application/json'"
  const operation = `"operationId":"mine-1","op":"read","path":"${elementPath(0)}"`
  const command = `{"jobId":"${run}-by-kcat","destination":"kafka:${topic}","operations":[{${operation}}]}`
  const lines: [string, string][] = [
    ['a job, and how far it is', `curl ${path}/${run}-read`],
    ['the jobs so far', `curl '${path}?limit=5'`],
    ['submit one over REST', `curl '${path}?destination=kafka:${topic}' ${json} -d '{"data":[{${operation}}]}'`],
    ['or straight to Kafka', `echo '${command}' | kcat -P -b ${brokers} -t ${commandTopic} -k ${run}-by-kcat`],
    [
      'consume the results',
      `kcat -C -b ${brokers} -t ${topic} -o beginning -e -X isolation.level=read_committed -f '%h\\n%s\\n\\n'`,
    ],
    ['or with this program', `npx datajob results ${run}-faulty`],
  ]
  const title = isKept
    ? 'Try it, from another terminal'
    : 'Try it yourself: npm run demo -- --keep leaves all of it running'
  return [...heading(title, pane), ...indented(lines.flatMap(([what, line]) => [paint('dim', `# ${what}`), line]))]
}
