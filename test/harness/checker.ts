/**
 * Holds what arrived at a destination against what was submitted. It knows the contract page ("Results on a topic", DESIGN
 * "S3") and none of the code under test. Each finding is a sentence; none means that all promises were kept.
 */
import type { StoredText } from './bucket-log.ts'
import { countsOf, type PlannedCounts, type PlannedJob, type PlannedOperation, statusOf } from './planned-job.ts'
import type { LoggedRecord } from './topic-log.ts'

const RESULT_TYPE = 'org.onap.cps.ncmp.events.async1_0_0.DataJobEvent'
const COMPLETION_TYPE = 'org.onap.cps.ncmp.events.async1_0_0.DataJobCompletionEvent'

const PART_HEADERS = ['ce_partof', 'ce_partindex', 'ce_partcount']

interface Response {
  readonly operationId: string | number
  readonly statusCode: number
  readonly statusMessage: string
  readonly request: { readonly op: string; readonly path: string }
  readonly resultParts?: PartsReference
}

interface PartsReference {
  readonly id: string
  readonly count: number
  readonly bytes: number
}

interface Results {
  readonly data: { readonly responses: readonly Response[]; readonly resultParts?: PartsReference; readonly part?: string }
}

interface Summary {
  readonly jobId: string
  readonly status: string
  readonly counts: {
    readonly operations: { readonly total: number; readonly succeeded: number; readonly failed: number }
    readonly subjobs: {
      readonly total: number
      readonly succeeded: number
      readonly partiallyFailed: number
      readonly failed: number
      readonly cancelled?: number
    }
  }
  readonly message?: string
}

interface Manifest extends Summary {
  readonly objects: readonly {
    readonly key: string
    readonly bytes: number
    readonly etag: string
    readonly subjob: number
    readonly operations: number
  }[]
}

/** What may come of a job beside what was planned, where the plan alone can't tell. */
export interface Leeway {
  /** Codes of operations that failed for another reason: their producer lies or hangs, the job was cancelled, or too late. */
  readonly codes: readonly number[]
  /** How often the job ran: what failed in one run is in the next one again, what succeeded is not. */
  readonly runs: number
  /** It may have been cancelled. */
  readonly cancelled: boolean
}

const NO_LEEWAY: Leeway = { codes: [], runs: 1, cancelled: false }

/** Whether the record belongs to the job. */
export function isOf({ jobId }: Pick<PlannedJob, 'jobId'>): (record: LoggedRecord) => boolean {
  return ({ headers }) => headers['ce_correlationid'] === jobId
}

export function isCompletion({ headers }: LoggedRecord): boolean {
  return headers['ce_type'] === COMPLETION_TYPE
}

export interface TopicExpectation extends Partial<Leeway> {
  readonly traceparent?: string
}

/** @param log every committed record of the destination, in order */
export function checkTopic(
  job: PlannedJob,
  log: readonly LoggedRecord[],
  { traceparent, ...given }: TopicExpectation = {},
): readonly string[] {
  const leeway = { ...NO_LEEWAY, ...given }
  const own = log.filter(isOf(job))
  const results = own.filter((record) => !isCompletion(record))
  return [
    ...own.flatMap((record) => checkHeaders(job, record, traceparent)),
    ...checkUnique('ce_id', own.map(({ headers }) => headers['ce_id'] ?? 'none')),
    ...checkResponses(job, topicResponses(results), leeway),
    ...checkParts(results),
    ...checkLast(job, own, leeway),
  ]
}

/** @param objects all that is in the bucket under the job's id */
export function checkBucket(job: PlannedJob, objects: readonly StoredText[], given: Partial<Leeway> = {}): readonly string[] {
  const leeway = { ...NO_LEEWAY, ...given }
  const folder = `${encodeURIComponent(job.jobId)}/`
  const stored = objects.find(({ key }) => key === `${folder}manifest.json`)
  if (stored === undefined) return [`there is no manifest beside ${objects.map(({ key }) => key).join(', ')}`]
  const manifest = JSON.parse(stored.value) as Manifest
  const results = objects.filter((object) => object !== stored)
  const responses = results.flatMap(({ key, value }) => responsesIn(value, { source: null, run: runOf(key) }))
  const late = results.filter(({ storedAt }) => storedAt > stored.storedAt).map(({ key }) => `${key} was stored after the manifest`)
  return [
    ...late,
    ...checkSummary('the manifest', manifest, expectedSummary(job, responses, leeway)),
    ...checkKeys(folder, manifest, results),
    ...checkResponses(job, responses, leeway),
  ]
}

/** `0000007.json` is of the first run, `0000007.2.json` of the second. */
function runOf(key: string): number {
  return Number(/\.(\d+)\.json$/.exec(key)?.[1] ?? 1)
}

interface FoundResponse {
  readonly response: Response
  readonly source: string | null
  readonly run: number
}

function topicResponses(results: readonly LoggedRecord[]): readonly FoundResponse[] {
  return results.flatMap(({ value, headers }) => {
    const run = Number(/\/\d+\.(\d+)\/\d+$/.exec(headers['ce_id'] ?? '')?.[1] ?? 1)
    return responsesIn(String(value), { source: headers['ce_source'] ?? '', run })
  })
}

function responsesIn(value: string, from: Pick<FoundResponse, 'source' | 'run'>): readonly FoundResponse[] {
  return (JSON.parse(value) as Results).data.responses.map((response) => ({ response, ...from }))
}

function checkHeaders(job: PlannedJob, record: LoggedRecord, traceparent: string | undefined): string[] {
  const { headers, key, topic } = record
  const type = isCompletion(record) ? COMPLETION_TYPE : RESULT_TYPE
  const expected: Record<string, string | undefined> = {
    ce_specversion: '1.0',
    ce_type: type,
    ce_dataschema: `urn:cps:${type}:1.0.0`,
    ce_correlationid: job.jobId,
    ce_destination: topic,
    'content-type': 'application/json',
    traceparent,
    ...(isPart(record) ? Object.fromEntries(PART_HEADERS.map((name) => [name, headers[name]])) : {}),
  }
  const where = `the record at ${record.partition}/${record.offset}`
  const wrong = Object.entries(expected).filter(([name, value]) => headers[name] !== value)
  const known = new Set([...Object.keys(expected), 'ce_id', 'ce_source', 'ce_time'])
  return [
    ...wrong.map(([name, value]) => `${where} has ${name} ${headers[name] ?? 'none'}, not ${value ?? 'none'}`),
    ...Object.keys(headers).filter((name) => !known.has(name)).map((name) => `${where} has the unknown header ${name}`),
    ...(key === job.jobId ? [] : [`${where} has the key ${key ?? 'none'}`]),
    ...(Number.isNaN(Date.parse(headers['ce_time'] ?? '')) ? [`${where} has no time`] : []),
    ...(headers['ce_id']?.startsWith(`${job.jobId}/`) === true ? [] : [`${where} has the id ${headers['ce_id'] ?? 'none'}`]),
  ]
}

function isPart({ headers }: LoggedRecord): boolean {
  return headers['ce_partof'] !== undefined
}

/** docs/results.md, "Results in parts": each result that is announced is there, in its order, and nothing else is. */
function checkParts(results: readonly LoggedRecord[]): string[] {
  const announced = results.filter((record) => !isPart(record)).flatMap(({ value }) => {
    const { data } = JSON.parse(String(value)) as Results
    return [data.resultParts, ...data.responses.map(({ resultParts }) => resultParts)].filter((each) => each !== undefined)
  })
  const parts = results.filter(isPart)
  const ids = new Set(announced.map(({ id }) => id))
  const strange = parts.filter(({ headers }) => !ids.has(headers['ce_partof'] ?? ''))
  const wrong = announced.flatMap(({ id, count, bytes }) => {
    const own = parts.filter(({ headers }) => headers['ce_partof'] === id)
    const places = own.map(({ headers }) => `${headers['ce_partindex']} of ${headers['ce_partcount']}`).join()
    const whole = Buffer.concat(own.map(({ value }) => Buffer.from((JSON.parse(String(value)) as Results).data.part ?? '', 'base64')))
    const expected = Array.from({ length: count }, (_, n) => `${n} of ${count}`).join()
    return [
      ...(places === expected ? [] : [`result ${id} has the parts ${places}, not ${expected}`]),
      ...(whole.length === bytes ? [] : [`result ${id} has ${whole.length} bytes, not ${bytes}`]),
    ]
  })
  return [
    ...checkUnique('result', announced.map(({ id }) => id)),
    ...strange.map(({ offset }) => `nobody needs the part at ${offset}`),
    ...wrong,
  ]
}

function checkUnique(what: string, all: readonly string[]): string[] {
  const seen = new Set<string>()
  return all.filter((each) => seen.size === seen.add(each).size).map((each) => `${what} ${each} is there twice`)
}

function checkResponses(job: PlannedJob, found: readonly FoundResponse[], leeway: Leeway): string[] {
  const byId = new Map<string | number, FoundResponse[]>()
  for (const each of found) byId.set(each.response.operationId, [...(byId.get(each.response.operationId) ?? []), each])
  const planned = new Set(job.operations.map(({ operationId }) => operationId))
  const strange = [...byId.keys()].filter((id) => !planned.has(id)).map((id) => `operation ${JSON.stringify(id)} was never submitted`)
  const wrong = job.operations.flatMap((operation) => {
    const said = (byId.get(operation.operationId) ?? []).sort((one, other) => one.run - other.run)
    const name = `operation ${JSON.stringify(operation.operationId)}`
    return [...checkTimes(name, said, leeway), ...said.flatMap((each) => checkResponse(name, operation, each, leeway))]
  })
  return [...strange, ...wrong]
}

/** Once, and once more in each further run as long as it failed. */
function checkTimes(name: string, said: readonly FoundResponse[], { runs }: Leeway): string[] {
  if (said.length === 0) return [`${name} is missing`]
  if (runs === 1) return said.length === 1 ? [] : [`${name} is there ${said.length} times`]
  const succeededAt = said.findIndex(({ response }) => response.statusCode === 0)
  const times = succeededAt === -1 ? runs : succeededAt + 1
  const inRuns = said.map(({ run }) => run).join()
  const expected = Array.from({ length: times }, (_, n) => n + 1).join()
  return inRuns === expected ? [] : [`${name} is there in the runs ${inRuns} of ${runs}, not in ${expected}`]
}

function checkResponse(name: string, operation: PlannedOperation, { response, source }: FoundResponse, leeway: Leeway): string[] {
  const { op, path, code, service } = operation
  const isExpectedCode = response.statusCode === code || leeway.codes.includes(response.statusCode)
  const expectedSource = service === null || wasNeverSent(response, source, leeway) ? 'datajob' : `dmi.${service}`
  return [
    ...(isExpectedCode ? [] : [`${name} has code ${response.statusCode} (${response.statusMessage}), not ${code}`]),
    ...(response.request.op === op && response.request.path === path ? [] : [`${name} repeats another request`]),
    ...(source === null || source === expectedSource ? [] : [`${name} is from ${source}, not from ${expectedSource}`]),
  ]
}

/** What of a job is cut into subjobs only after it was cancelled: no producer is asked (docs/results.md, `ce_source`). */
function wasNeverSent({ statusMessage }: Response, source: string | null, { cancelled }: Leeway): boolean {
  return cancelled && source === 'datajob' && statusMessage === 'REJECTED: the job was cancelled'
}

function checkLast(job: PlannedJob, own: readonly LoggedRecord[], leeway: Leeway): string[] {
  const partitions = new Set(own.map(({ partition }) => partition))
  if (partitions.size > 1) return [`its records are on partitions ${[...partitions].join(', ')}`]
  const completions = own.filter(isCompletion)
  const completion = completions.at(-1)
  if (completion === undefined || completions.length !== leeway.runs) {
    return [`there are ${completions.length} completion events${leeway.runs === 1 ? '' : ` of ${leeway.runs} runs`}`]
  }
  const { data } = JSON.parse(String(completion.value)) as { readonly data: Summary }
  const responses = topicResponses(own.filter((record) => !isCompletion(record)))
  return [
    ...(own.at(-1) === completion ? [] : ['its completion event is not its last record']),
    ...checkSummary('the completion event', data, expectedSummary(job, responses, leeway)),
  ]
}

interface ExpectedSummary {
  readonly jobId: string
  readonly counts: PlannedCounts
  readonly statuses: readonly string[]
}

/** What was planned; where the plan can't tell, what the last response to each operation said. */
function expectedSummary(job: PlannedJob, found: readonly FoundResponse[], { codes, cancelled }: Leeway): ExpectedSummary {
  const { jobId } = job
  if (codes.length === 0 && !cancelled) return { jobId, counts: countsOf(job), statuses: [statusOf(job)] }
  const last = new Map<string | number, Response>()
  for (const { response } of found.toSorted((one, other) => one.run - other.run)) last.set(response.operationId, response)
  const operations = job.operations.map((operation) => {
    return { ...operation, code: last.get(operation.operationId)?.statusCode ?? operation.code }
  })
  const seen = { ...job, operations }
  return { jobId, counts: countsOf(seen), statuses: [statusOf(seen), ...(cancelled ? ['CANCELLED'] : [])] }
}

function checkSummary(where: string, summary: Summary, { jobId, counts, statuses }: ExpectedSummary): string[] {
  const { operations, subjobs } = summary.counts
  const ended = subjobs.succeeded + subjobs.partiallyFailed + subjobs.failed + (subjobs.cancelled ?? 0)
  const expected = statuses.join(' or ')
  return [
    ...(summary.jobId === jobId ? [] : [`${where} is of job ${summary.jobId}`]),
    ...(statuses.includes(summary.status) ? [] : [`${where} says ${summary.status}, not ${expected}: ${summary.message ?? ''}`]),
    ...(JSON.stringify(operations) === JSON.stringify(counts)
      ? []
      : [`${where} counts ${JSON.stringify(operations)}, not ${JSON.stringify(counts)}`]),
    ...(ended === subjobs.total ? [] : [`${where} counts ${ended} ended subjobs of ${subjobs.total}`]),
  ]
}

function checkKeys(folder: string, manifest: Manifest, results: readonly StoredText[]): string[] {
  const named = new Map(manifest.objects.map((object) => [object.key, object]))
  const strange = results.filter(({ key }) => !named.has(key)).map(({ key }) => `${key} is not in the manifest`)
  const wrong = manifest.objects.flatMap(({ key, bytes, etag, subjob, operations }) => {
    const stored = results.find((object) => object.key === key)
    if (stored === undefined) return [`${key} is in the manifest only`]
    const { length } = (JSON.parse(stored.value) as Results).data.responses
    const name = String(subjob).padStart(7, '0')
    const run = runOf(key)
    const expectedKey = `${folder}${run === 1 ? name : `${name}.${run}`}.json`
    return [
      ...(key === expectedKey ? [] : [`subjob ${subjob} has the key ${key}`]),
      ...(stored.bytes === bytes && stored.etag === etag ? [] : [`${key} is not the object of the manifest`]),
      ...(length === operations ? [] : [`${key} has ${length} responses, not the ${operations} of the manifest`]),
    ]
  })
  return [...checkUnique('key', manifest.objects.map(({ key }) => key)), ...strange, ...wrong]
}
