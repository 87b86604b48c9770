/**
 * Holds what arrived at a destination against what was submitted. It knows the contract page ("Results on a topic", DESIGN
 * "S3") and none of the code under test. Each finding is a sentence; none means that all promises were kept.
 */
import type { StoredText } from './bucket-log.ts'
import { countsOf, type PlannedJob, statusOf } from './planned-job.ts'
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
    readonly subjobs: { readonly total: number; readonly succeeded: number; readonly partiallyFailed: number; readonly failed: number }
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

/** Whether the record belongs to the job. */
export function isOf({ jobId }: Pick<PlannedJob, 'jobId'>): (record: LoggedRecord) => boolean {
  return ({ headers }) => headers['ce_correlationid'] === jobId
}

export function isCompletion({ headers }: LoggedRecord): boolean {
  return headers['ce_type'] === COMPLETION_TYPE
}

/** @param log every committed record of the destination, in order */
export function checkTopic(job: PlannedJob, log: readonly LoggedRecord[], traceparent?: string): readonly string[] {
  const own = log.filter(isOf(job))
  const results = own.filter((record) => !isCompletion(record))
  return [
    ...own.flatMap((record) => checkHeaders(job, record, traceparent)),
    ...checkUnique('ce_id', own.map(({ headers }) => headers['ce_id'] ?? 'none')),
    ...checkResponses(job, results.map(({ value, headers }) => ({ value: String(value), source: headers['ce_source'] ?? '' }))),
    ...checkParts(results),
    ...checkLast(job, own),
  ]
}

/** @param objects all that is in the bucket under the job's id */
export function checkBucket(job: PlannedJob, objects: readonly StoredText[]): readonly string[] {
  const folder = `${encodeURIComponent(job.jobId)}/`
  const stored = objects.find(({ key }) => key === `${folder}manifest.json`)
  if (stored === undefined) return [`there is no manifest beside ${objects.map(({ key }) => key).join(', ')}`]
  const manifest = JSON.parse(stored.value) as Manifest
  const results = objects.filter((object) => object !== stored)
  const late = results.filter(({ storedAt }) => storedAt > stored.storedAt).map(({ key }) => `${key} was stored after the manifest`)
  return [
    ...late,
    ...checkSummary(job, 'the manifest', manifest),
    ...checkKeys(folder, manifest, results),
    ...checkResponses(job, results.map(({ value }) => ({ value, source: null }))),
  ]
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

function checkResponses(job: PlannedJob, values: readonly { readonly value: string; readonly source: string | null }[]): string[] {
  const found = values.flatMap(({ value, source }) => {
    return (JSON.parse(value) as Results).data.responses.map((response) => ({ response, source }))
  })
  const byId = new Map<string | number, typeof found>()
  for (const each of found) byId.set(each.response.operationId, [...(byId.get(each.response.operationId) ?? []), each])
  const planned = new Set(job.operations.map(({ operationId }) => operationId))
  const strange = [...byId.keys()].filter((id) => !planned.has(id)).map((id) => `operation ${JSON.stringify(id)} was never submitted`)
  const wrong = job.operations.flatMap(({ operationId, op, path, code, service }) => {
    const name = `operation ${JSON.stringify(operationId)}`
    const [first, ...more] = byId.get(operationId) ?? []
    if (first === undefined) return [`${name} is missing`]
    if (more.length > 0) return [`${name} is there ${more.length + 1} times`]
    const { response, source } = first
    const expectedSource = service === null ? 'datajob' : `dmi.${service}`
    return [
      ...(response.statusCode === code ? [] : [`${name} has code ${response.statusCode} (${response.statusMessage}), not ${code}`]),
      ...(response.request.op === op && response.request.path === path ? [] : [`${name} repeats another request`]),
      ...(source === null || source === expectedSource ? [] : [`${name} is from ${source}, not from ${expectedSource}`]),
    ]
  })
  return [...strange, ...wrong]
}

function checkLast(job: PlannedJob, own: readonly LoggedRecord[]): string[] {
  const partitions = new Set(own.map(({ partition }) => partition))
  if (partitions.size > 1) return [`its records are on partitions ${[...partitions].join(', ')}`]
  const completions = own.filter(isCompletion)
  const [completion] = completions
  if (completion === undefined || completions.length > 1) return [`there are ${completions.length} completion events`]
  const { data } = JSON.parse(String(completion.value)) as { readonly data: Summary }
  return [
    ...(own.at(-1) === completion ? [] : ['its completion event is not its last record']),
    ...checkSummary(job, 'the completion event', data),
  ]
}

function checkSummary(job: PlannedJob, where: string, summary: Summary): string[] {
  const expected = countsOf(job)
  const { operations, subjobs } = summary.counts
  const ended = subjobs.succeeded + subjobs.partiallyFailed + subjobs.failed
  return [
    ...(summary.jobId === job.jobId ? [] : [`${where} is of job ${summary.jobId}`]),
    ...(summary.status === statusOf(job) ? [] : [`${where} says ${summary.status}, not ${statusOf(job)}: ${summary.message ?? ''}`]),
    ...(JSON.stringify(operations) === JSON.stringify(expected)
      ? []
      : [`${where} counts ${JSON.stringify(operations)}, not ${JSON.stringify(expected)}`]),
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
    const expectedKey = `${folder}${String(subjob).padStart(7, '0')}.json`
    return [
      ...(key === expectedKey ? [] : [`subjob ${subjob} has the key ${key}`]),
      ...(stored.bytes === bytes && stored.etag === etag ? [] : [`${key} is not the object of the manifest`]),
      ...(length === operations ? [] : [`${key} has ${length} responses, not the ${operations} of the manifest`]),
    ]
  })
  return [...checkUnique('key', manifest.objects.map(({ key }) => key)), ...strange, ...wrong]
}
