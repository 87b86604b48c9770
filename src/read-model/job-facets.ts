/**
 * What the jobs of a dialect with rich lists are searched and ordered by. A dialect's data is nothing that the read model knows, so it is
 * given the function that says so; another answer for the same job is another version of the schema.
 */
import type { Job } from '../domain/job.ts'
import type { SubjobRow } from './subjob-row.ts'

/** Instants in milliseconds since the epoch; durations in milliseconds. */
export interface JobFacets {
  /** In the dialect's own words. */
  readonly status: string
  readonly typeId: number
  readonly typeName: string
  readonly typeVersion: string
  readonly batchId: number | null
  readonly errorId: number | null
  readonly errorCategory: string | null
  readonly node: string | null
  readonly priority: number
  readonly executions: number
  readonly createdAt: number
  readonly queuedAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly duration: number | null
  readonly statusAt: number
  readonly modifiedAt: number
  readonly sourceStartedAt: number | null
  readonly sourceEndedAt: number | null
  readonly sourceSensorClass: string | null
  readonly sourceSensor: string | null
  readonly sourceCollection: string | null
  readonly sourceTask: string | null
}

/** Of a job and its first subjob, where something is known of that; null of jobs that are not searched so. */
export type FacetsOf = (job: Job, first: SubjobRow | undefined) => JobFacets | null

/** `number` is the job's. */
export type FacetName = keyof JobFacets | 'number'

/** One facet of a job is any of these, or within bounds that are both in; what is null is in none. */
export type FacetCondition =
  | { readonly facet: FacetName; readonly anyOf: readonly (string | number)[] }
  | { readonly facet: FacetName; readonly atLeast?: number | undefined; readonly atMost?: number | undefined }

export interface FacetOrder {
  readonly facet: FacetName
  readonly descending: boolean
}

export interface FacetPageRequest {
  /** The first decides, then the next; jobs that are equal come in the order of their numbers. */
  readonly order: readonly FacetOrder[]
  readonly offset: number
  readonly limit: number
}

/** A job, and its first subjob, where something is known of that. */
export interface FacetedJob {
  readonly job: Job
  readonly first: SubjobRow | null
}

export interface FacetPage {
  readonly items: readonly FacetedJob[]
  /** How many jobs there are on all pages together. */
  readonly count: number
}

/** What a command about a job needs to know of it. */
export interface FacetedJobKey {
  readonly number: number
  readonly jobId: string
  readonly run: number
}

/** By the names of their columns, which SQL does not take as parameters. */
const COLUMNS: Readonly<Record<FacetName, string>> = {
  ...{ number: 'number', status: 'status', typeId: 'type_id', typeName: 'type_name', typeVersion: 'type_version', batchId: 'batch_id' },
  ...{ errorId: 'error_id', errorCategory: 'error_category', node: 'node', priority: 'priority', executions: 'executions' },
  ...{ createdAt: 'created_at', queuedAt: 'queued_at', startedAt: 'started_at', endedAt: 'ended_at', duration: 'duration' },
  ...{ statusAt: 'status_at', modifiedAt: 'modified_at', sourceStartedAt: 'source_started_at', sourceEndedAt: 'source_ended_at' },
  ...{ sourceSensorClass: 'source_sensor_class', sourceSensor: 'source_sensor', sourceCollection: 'source_collection' },
  sourceTask: 'source_task',
}

export function isFacetName(name: string): name is FacetName {
  return Object.hasOwn(COLUMNS, name)
}

const TEXTS: ReadonlySet<FacetName> = new Set([
  ...(['status', 'typeName', 'typeVersion', 'errorCategory', 'node'] as const),
  ...(['sourceSensorClass', 'sourceSensor', 'sourceCollection', 'sourceTask'] as const),
])

const FACETS = (Object.keys(COLUMNS) as FacetName[]).filter((name): name is keyof JobFacets => name !== 'number')

/** What few jobs have in common: found by an index. Of all others it is quicker to look at the whole table. */
const SELECTIVE = ['typeId', 'typeName', 'batchId', 'errorId', 'errorCategory', 'sourceSensor', 'sourceCollection'] as const

/** A table beside the jobs: so narrow that looking at all of it takes milliseconds. */
export const FACETS_SCHEMA = `
  CREATE TABLE job_facets (
    number INTEGER PRIMARY KEY NOT NULL, job_id TEXT NOT NULL UNIQUE, run INTEGER NOT NULL,
    ${FACETS.map((name) => `${COLUMNS[name]} ${TEXTS.has(name) ? 'TEXT' : 'INTEGER'}`).join(', ')}
  ) STRICT;
  CREATE INDEX job_facets_by_change ON job_facets (modified_at, number);
  ${SELECTIVE.map((name) => COLUMNS[name]).map(indexOn).join('\n  ')}
`

function indexOn(column: string): string {
  return `CREATE INDEX job_facets_by_${column} ON job_facets (${column}) WHERE ${column} IS NOT NULL;`
}

export const HAS_FACETS = 'SELECT 1 FROM job_facets WHERE job_id = ?'
export const FORGET_FACETS = 'DELETE FROM job_facets WHERE job_id = ?'
export const PUT_FACETS = `
  INSERT OR REPLACE INTO job_facets (number, job_id, run, ${FACETS.map((name) => COLUMNS[name]).join(', ')})
  VALUES (?, ?, ?, ${FACETS.map(() => '?').join(', ')})`

export function facetValues({ number, jobId, run }: Job, facets: JobFacets): (string | number | null)[] {
  return [number, jobId, run, ...FACETS.map((name) => facets[name])]
}

interface Query {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

export function facetCount(conditions: readonly FacetCondition[]): Query {
  const { sql, values } = whereOf(conditions)
  return { sql: `SELECT count(*) AS jobs FROM job_facets ${sql}`, values }
}

export function facetKeys(conditions: readonly FacetCondition[]): Query {
  const { sql, values } = whereOf(conditions)
  return { sql: `SELECT number, job_id, run FROM job_facets ${sql} ORDER BY number`, values }
}

// The documents are looked up for those on the page only.
export function facetPage(conditions: readonly FacetCondition[], { order, offset, limit }: FacetPageRequest): Query {
  const { sql, values } = whereOf(conditions)
  const terms = order.map(({ facet, descending }) => `${COLUMNS[facet]} ${descending ? 'DESC' : 'ASC'}`)
  const isByNumber = order.some(({ facet }) => facet === 'number')
  const last = order.at(-1)?.descending === true ? 'number DESC' : 'number ASC'
  const by = [...terms, ...(isByNumber ? [] : [last])].join(', ')
  const page = `SELECT job_id FROM job_facets ${sql} ORDER BY ${by} LIMIT ? OFFSET ?`
  return { sql: page, values: [...values, limit, offset] }
}

function whereOf(conditions: readonly FacetCondition[]): Query {
  const terms = conditions.flatMap(termsOf)
  return {
    sql: terms.length === 0 ? '' : `WHERE ${terms.map(({ sql }) => sql).join(' AND ')}`,
    values: terms.flatMap(({ values }) => values),
  }
}

function termsOf(condition: FacetCondition): readonly Query[] {
  const column = COLUMNS[condition.facet]
  if ('anyOf' in condition) {
    const [first, ...others] = condition.anyOf
    if (first !== undefined && others.length === 0) return [{ sql: `${column} = ?`, values: [first] }]
    return [{ sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(condition.anyOf)] }]
  }
  const bounds = [['>=', condition.atLeast], ['<=', condition.atMost]] as const
  return bounds.flatMap(([sign, bound]) => (bound === undefined ? [] : [{ sql: `${column} ${sign} ?`, values: [bound] }]))
}
