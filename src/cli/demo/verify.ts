/** Holds what was consumed against what was submitted, operation by operation. */
import type { OperationCounts } from '../../domain/job-counts.ts'
import { isSuccess } from '../../domain/response-code.ts'
import type { InputRecord } from '../../kafka/port.ts'
import { completionOf, isCompletion, jobIdOf, type OperationReport, reportsOf } from '../../results/result-event.ts'
import type { NcmpJob } from '../../rest/dialects/ncmp/schemas.ts'
import type { Consumed, ConsumedObjects } from './consumed.ts'
import { countExpected, type DemoJob, type DemoOperation } from './demo-jobs.ts'
import { FAULTY_SERVICE } from './network.ts'

/** What was found out about one job. */
export interface Check {
  readonly jobId: string
  /** What holds when there are no problems. */
  readonly text: string
  readonly problems: readonly string[]
}

/** Checks every job: what the service says of it, and what was consumed from its destination. */
export function checkAll(
  jobs: readonly DemoJob[],
  ended: readonly NcmpJob[],
  { records, bucket }: Consumed,
): readonly Check[] {
  return jobs.map((job): Check => {
    const told = ended.find(({ jobId }) => jobId === job.jobId)
    const served =
      told === undefined ? ['the service does not know it'] : checkCounts(job, 'the service', told.counts.operations)
    const isOnTopic = job.destination.startsWith('kafka:')
    const consumed = isOnTopic ? checkEvents(job, records) : checkObjects(job, bucket)
    return { jobId: job.jobId, text: textOf(job, isOnTopic), problems: [...served, ...consumed] }
  })
}

function textOf(job: DemoJob, isOnTopic: boolean): string {
  const { total, failed } = countExpected(job)
  const outcome = failed === 0 ? 'all succeeded' : `the ${failed} that ${FAULTY_SERVICE} refuses failed`
  const last = isOnTopic ? 'completion event last' : 'manifest complete'
  return `each of ${total} operations reported once; ${outcome}; ${last}`
}

/** Everything that is wrong with the job's events on a topic, in sentences; nothing when all is as it should be. */
export function checkEvents(job: DemoJob, records: readonly InputRecord[]): readonly string[] {
  const own = records.filter((record) => jobIdOf(record) === job.jobId)
  const results = own.filter((record) => !isCompletion(record))
  return [
    ...results.flatMap(checkHeaders(job)),
    ...checkIds(own),
    ...checkReports(job, results),
    ...checkCompletion(job, own),
  ]
}

function checkHeaders(job: DemoJob): (record: InputRecord) => readonly string[] {
  const topic = job.destination.slice('kafka:'.length)
  return ({ headers, offset }) =>
    headers['ce_destination'] === topic
      ? []
      : [`the event at offset ${offset} names the destination "${headers['ce_destination'] ?? ''}"`]
}

function checkIds(records: readonly InputRecord[]): readonly string[] {
  const ids = new Set(records.map(({ headers }) => headers['ce_id']))
  return ids.size === records.length ? [] : [`${records.length} events have only ${ids.size} different ids`]
}

function readable(reports: readonly (readonly OperationReport[] | null)[]): readonly OperationReport[] {
  return reports.flatMap((each) => each ?? [])
}

function checkReports(job: DemoJob, results: readonly InputRecord[]): readonly string[] {
  const reports = results.map(({ value }) => reportsOf(value))
  const unreadable = reports.filter((each) => each === null).length
  const problems = unreadable === 0 ? [] : [`${unreadable} events can't be read`]
  return [...problems, ...checkOperations(job, readable(reports))]
}

function checkCompletion(job: DemoJob, records: readonly InputRecord[]): readonly string[] {
  const completions = records.filter(isCompletion)
  const [completion] = completions
  if (completion === undefined || completions.length > 1) return [`there are ${completions.length} completion events`]
  const last = records.filter(({ partition }) => partition === completion.partition).at(-1)
  const order = last === completion && records.every(({ partition }) => partition === completion.partition)
  const said = completionOf(completion)
  return [
    ...(order ? [] : ['the completion event is not the last one']),
    ...(said === null
      ? ["the completion event can't be read"]
      : checkCounts(job, 'the completion event', said.counts.operations)),
  ]
}

/** Everything that is wrong with the job's objects in a bucket. `keys` are all that are in its folder. */
export function checkObjects(job: DemoJob, { manifest, keys, objects }: ConsumedObjects): readonly string[] {
  if (manifest === undefined) return ['there is no manifest']
  const named = manifest.objects.map(({ key }) => key)
  const strangers = keys.filter((key) => !named.includes(key) && !key.endsWith('/manifest.json'))
  const reports = objects.map(({ value }) => reportsOf(value))
  const sizes = manifest.objects.filter(({ key, bytes, operations }) => {
    const at = objects.findIndex((object) => object.key === key)
    return objects[at]?.value.length !== bytes || reports[at]?.length !== operations
  })
  return [
    ...strangers.map((key) => `${key} is not in the manifest`),
    ...sizes.map(({ key }) => `${key} is not as the manifest says`),
    ...checkCounts(job, 'the manifest', manifest.counts.operations),
    ...checkOperations(job, readable(reports)),
  ]
}

/** Every operation is to be reported exactly once, and as it was to come out. */
function checkOperations(job: DemoJob, reports: readonly OperationReport[]): readonly string[] {
  const byId = Map.groupBy(reports, ({ operationId }) => String(operationId))
  const expected = new Set(job.operations.map(({ operationId }) => operationId))
  const strangers = [...byId.keys()].filter((id) => !expected.has(id))
  const wrong = job.operations.map((operation) => problemOf(operation, byId.get(operation.operationId) ?? []))
  return [
    ...strangers.map((id) => `operation ${id} was reported but not submitted`),
    ...wrong.filter((problem) => problem !== null),
  ]
}

function problemOf({ operationId, path, succeeds }: DemoOperation, reports: readonly OperationReport[]): string | null {
  const [report, ...more] = reports
  const about = `operation ${operationId} was`
  if (report === undefined) return `${about} not reported`
  if (more.length > 0) return `${about} reported ${reports.length} times`
  if (report.path !== path) return `${about} reported for ${report.path}, not for ${path}`
  const code = report.statusCode
  const succeeded = code !== undefined && isSuccess(code)
  return succeeded === succeeds ? null : `${about} to ${succeeds ? 'succeed' : 'fail'}, but has code ${code ?? 'none'}`
}

/** Whether counts of operations are what was to come of the job. */
function checkCounts(job: DemoJob, who: string, counts: OperationCounts): readonly string[] {
  const [found, wanted] = [describeCounts(counts), describeCounts(countExpected(job))]
  return found === wanted ? [] : [`${who} counts ${found}; not ${wanted}`]
}

function describeCounts({ total, succeeded, failed }: OperationCounts): string {
  return `${total} operations, ${succeeded} succeeded, ${failed} failed`
}
