/** Jobs and attempts in the words of Scale: a job is a data job of one operation, an execution an attempt at its only subjob. */
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import type { FacetedJob } from '../../../read-model/job-facets.ts'
import { formatInstant } from '../../instant.ts'
import { type Execution, executionsOf, jobErrorOf } from './executions.ts'
import { scaleFacetsOf } from './facets.ts'
import { executionId, stableId } from './ids.ts'
import { type JobData, jobDataOf } from './job-data.ts'
import { briefOf, type JobTypeDocument, type JobTypeRevision } from './job-types.ts'
import { type Manifest, resourcesOf } from './manifest.ts'

/** What is known of a job beside what it holds itself. */
export interface JobContext {
  readonly type: JobTypeDocument | undefined
  readonly batch: object | null
}

/** A job of this dialect, read once. */
export interface ReadJob extends FacetedJob {
  readonly data: JobData
  readonly executions: readonly Execution[]
}

/** Null for jobs of others. */
export function readJob({ job, first }: FacetedJob): ReadJob | null {
  const data = jobDataOf(job)
  return data === null ? null : { job, first, data, executions: executionsOf(job, first ?? undefined, data) }
}

/** The rest is as the schemas say. */
export type JobView = Readonly<Record<string, unknown>> & { readonly status: string }

/** As it is listed. */
export function jobViewOf({ job, first, data, executions }: ReadJob, { type, batch }: JobContext): JobView {
  const facets = scaleFacetsOf(job, first ?? undefined)
  if (facets === null) throw new Error('broken invariant: a job that was read has no facets')
  const { source } = data
  return {
    id: job.number,
    job_type: briefOf(data.type, type),
    job_type_rev: { id: revisionIdOf(data), job_type: { id: data.type.id }, revision_num: data.type.revision },
    ...{ event: null, recipe: null, batch, is_superseded: false, superseded_job: null },
    status: facets.status,
    node: nodeOf(executions.at(-1)),
    error: jobErrorOf(job, first ?? undefined, data),
    ...{ num_exes: facets.executions, input_file_size: null, input_files: null },
    ...{ source_started: instant(source.startedAt), source_ended: instant(source.endedAt), source_sensor_class: source.sensorClass },
    ...{ source_sensor: source.sensor, source_collection: source.collection, source_task: source.task },
    ...{ created: instant(facets.createdAt), queued: instant(facets.queuedAt), started: instant(facets.startedAt) },
    ...{ ended: instant(facets.endedAt), last_status_change: instant(facets.statusAt), superseded: null },
    last_modified: instant(facets.modifiedAt),
  }
}

/** What there is to say of a job alone, beside what is listed of it. */
export interface JobDetails {
  readonly revision: JobTypeRevision | undefined
  /** What the command has written as its JSON outputs. */
  readonly output: object
}

export function jobDetailsOf(read: ReadJob, context: JobContext, { revision, output }: JobDetails): object {
  const { job, data, executions } = read
  const last = executions.at(-1)
  return {
    ...jobViewOf(read, context),
    job_type_rev: {
      ...{ id: revisionIdOf(data), job_type: briefOf(data.type, context.type), revision_num: data.type.revision },
      ...{ docker_image: revision?.dockerImage ?? null, created: instant(revision?.createdAt ?? null) },
      manifest: revision?.manifest ?? null,
    },
    superseded_by_job: null,
    resources: resourcesIn(revision?.manifest),
    max_tries: job.attemptsMax,
    execution: last === undefined ? null : executionDetailsOf(last, read, { type: context.type, manifest: revision?.manifest }),
    input: data.input,
    output: { files: {}, json: output },
    configuration: configurationOf(read),
  }
}

/** As the job was created with; its priority is that of its latest run. */
function configurationOf({ job, data }: ReadJob): object {
  return { ...data.configuration, priority: job.priority }
}

export function executionViewOf(execution: Execution, { job, data }: ReadJob, type: JobTypeDocument | undefined): JobView {
  const { exeNum, status, queuedAt, startedAt, endedAt, error } = execution
  return {
    ...{ id: executionId(job.number, exeNum), status, exe_num: exeNum, cluster_id: null },
    ...{ created: instant(startedAt), queued: instant(queuedAt), started: instant(startedAt), ended: instant(endedAt) },
    ...{ job: { id: job.number }, node: nodeOf(execution), error, job_type: briefOf(data.type, type) },
    ...{ timeout: type?.timeout ?? null, input_file_size: null },
  }
}

export function executionDetailsOf(
  execution: Execution,
  read: ReadJob,
  { type, manifest }: { readonly type: JobTypeDocument | undefined; readonly manifest: Manifest | undefined },
): object {
  return {
    ...executionViewOf(execution, read, type),
    ...{ task_results: null, resources: resourcesIn(manifest), configuration: configurationOf(read), output: null },
  }
}

export interface BatchDocument {
  readonly title: string
  readonly description: string | null
  readonly jobTypeId: number
  readonly jobs: number
}

export function batchOf({ id, document, registeredAt }: DefinitionRegistered): object {
  const { title, description } = JSON.parse(document) as BatchDocument
  return { id: Number(id), title, description, created: formatInstant(registeredAt) }
}

export function nodeIdOf({ worker }: Pick<Execution, 'worker'>): number {
  return stableId('node', worker)
}

function nodeOf(execution: Execution | undefined): object | null {
  return execution === undefined ? null : { id: nodeIdOf(execution), hostname: execution.worker }
}

function revisionIdOf({ type }: JobData): number {
  return stableId('revision', type.id, type.revision)
}

function resourcesIn(manifest: Manifest | undefined): object | null {
  return manifest === undefined ? null : { resources: resourcesOf(manifest) }
}

function instant(epochMs: number | null): string | null {
  return epochMs === null ? null : formatInstant(epochMs)
}
