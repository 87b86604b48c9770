/** What lists and bulk commands ask for, as conditions on the facets of jobs. Everything here throws a 400 on a value that is none. */
import type { FacetCondition, FacetName, FacetOrder } from '../../../read-model/job-facets.ts'
import { clip, Refusal } from '../../errors.ts'
import { stableId } from './ids.ts'
import { momentOf } from './instants.ts'
import type { BulkFilter, JobListQuery } from './job-schemas.ts'

/** No job has a recipe, and none is superseded. */
const NONE: FacetCondition = { facet: 'number', anyOf: [] }

/** `now` is in milliseconds since the epoch, as {@link conditionsOfBulk} has it. */
export function conditionsOfList(query: JobListQuery, now: number): readonly FacetCondition[] {
  const { source_task = [], source_tasks = [] } = query
  const tasks = query.source_task === undefined && query.source_tasks === undefined ? undefined : [...source_task, ...source_tasks]
  return [
    ...changedWithin(query, now),
    ...bound('sourceStartedAt', 'atLeast', at('source_started', query.source_started, now)),
    ...bound('sourceEndedAt', 'atMost', at('source_ended', query.source_ended, now)),
    ...anyOf('sourceSensorClass', query.source_sensor_class),
    ...anyOf('sourceSensor', query.source_sensor),
    ...anyOf('sourceCollection', query.source_collection),
    ...anyOf('sourceTask', tasks),
    ...anyOf('status', query.status),
    ...anyOf('number', query.job_id),
    ...anyOf('typeId', query.job_type_id),
    ...anyOf('typeName', query.job_type_name),
    ...anyOf('batchId', query.batch_id),
    ...anyOf('errorCategory', query.error_category),
    ...anyOf('errorId', query.error_id),
    ...(query.recipe_id === undefined ? [] : [NONE]),
    ...(isTrue(query.is_superseded) ? [NONE] : []),
  ]
}

// As Python writes it, too.
function isTrue(flag: JobListQuery['is_superseded']): boolean {
  return flag !== undefined && ['true', 'True', '1'].includes(flag)
}

export function conditionsOfBulk(filter: BulkFilter, now: number): readonly FacetCondition[] {
  return [
    ...changedWithin(filter, now),
    ...anyOf('status', filter.status === undefined ? undefined : [filter.status]),
    ...anyOf('number', filter.job_ids),
    ...anyOf('typeId', filter.job_type_ids),
    ...anyOf('typeId', filter.job_types?.map(({ name, version }) => stableId('job-type', name, version))),
    ...anyOf('typeName', filter.job_type_names),
    ...anyOf('batchId', filter.batch_ids),
    ...anyOf('errorCategory', filter.error_categories),
    ...anyOf('errorId', filter.error_ids?.map(Number)),
    ...(filter.recipe_ids === undefined ? [] : [NONE]),
    ...(filter.is_superseded === true ? [NONE] : []),
  ]
}

/** Jobs that a bulk command may do something about. */
export function withStatus(...statuses: readonly string[]): FacetCondition {
  return { facet: 'status', anyOf: statuses }
}

const ORDERS: ReadonlyMap<string, FacetName> = new Map<string, FacetName>([
  ...([['id', 'number'], ['job_type', 'typeId'], ['job_type__id', 'typeId'], ['job_type__name', 'typeName']] as const),
  ...([['job_type__version', 'typeVersion'], ['batch', 'batchId'], ['batch_id', 'batchId'], ['status', 'status']] as const),
  ...([['node', 'node'], ['error', 'errorId'], ['error_id', 'errorId'], ['error__category', 'errorCategory']] as const),
  ...([['num_exes', 'executions']] as const),
  ...([['priority', 'priority'], ['created', 'createdAt'], ['queued', 'queuedAt'], ['started', 'startedAt']] as const),
  ...([['ended', 'endedAt'], ['duration', 'duration'], ['last_status_change', 'statusAt'], ['last_modified', 'modifiedAt']] as const),
  ...([['source_started', 'sourceStartedAt'], ['source_ended', 'sourceEndedAt'], ['source_sensor_class', 'sourceSensorClass']] as const),
  ...([['source_sensor', 'sourceSensor'], ['source_collection', 'sourceCollection'], ['source_task', 'sourceTask']] as const),
])

/** Of these, no job has another than the others. */
const SAME_OF_ALL = ['event', 'recipe', 'is_superseded', 'superseded', 'superseded_job', 'input_files', 'input_file_size']

export function orderOf(fields: readonly string[] = ['last_modified']): readonly FacetOrder[] {
  return fields.flatMap((field) => {
    const descending = field.startsWith('-')
    const name = descending ? field.slice(1) : field
    if (SAME_OF_ALL.includes(name)) return []
    const facet = ORDERS.get(name)
    if (facet !== undefined) return [{ facet, descending }]
    const details = `There are: ${[...ORDERS.keys(), ...SAME_OF_ALL].join(', ')}.`
    throw new Refusal(400, `order: "${clip(field)}" is no field to order by`, { details })
  })
}

function changedWithin(query: { readonly started?: string; readonly ended?: string }, now: number): readonly FacetCondition[] {
  const [from, to] = [at('started', query.started, now), at('ended', query.ended, now)]
  return [...bound('modifiedAt', 'atLeast', from), ...bound('modifiedAt', 'atMost', to)]
}

function at(name: string, text: string | undefined, now: number): number | undefined {
  return text === undefined ? undefined : momentOf(name, text, now)
}

function bound(facet: FacetName, side: 'atLeast' | 'atMost', value: number | undefined): readonly FacetCondition[] {
  return value === undefined ? [] : [{ facet, [side]: value }]
}

function anyOf(facet: FacetName, values: readonly (string | number)[] | undefined): readonly FacetCondition[] {
  return values === undefined ? [] : [{ facet, anyOf: values }]
}
