/** What a job of this dialect keeps of what it was created with: little, for each of its changes is written with it. */
import type { Job } from '../../../domain/job.ts'
import { DIALECT, TENANT } from './base.ts'
import type { JobInput, ManifestError } from './manifest.ts'

export interface JobData {
  readonly type: {
    readonly id: number
    readonly name: string
    readonly version: string
    /** Which of its revisions the job was created with. */
    readonly revision: number
    readonly errors: readonly ManifestError[]
  }
  readonly input: JobInput
  readonly configuration: Readonly<Record<string, unknown>>
  readonly batchId: number | null
  readonly source: JobSource
}

/** Times are milliseconds since the epoch. */
export interface JobSource {
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly sensorClass: string | null
  readonly sensor: string | null
  readonly collection: string | null
  readonly task: string | null
}

/** Null for jobs of others, and for those that came by the command topic with data that does not read like this. */
export function jobDataOf({ tenant, dialect, dialectData }: Pick<Job, 'tenant' | 'dialect' | 'dialectData'>): JobData | null {
  if (tenant !== TENANT || dialect !== DIALECT) return null
  try {
    const { type, input, configuration, batchId, source } = JSON.parse(dialectData ?? 'null') as Record<string, unknown>
    const { id, name, version, revision, errors } = membersOf(type)
    if (!Number.isSafeInteger(id) || typeof name !== 'string' || typeof version !== 'string' || !Number.isSafeInteger(revision)) return null
    const { files, json } = membersOf(input)
    return {
      type: { id: Number(id), name, version, revision: Number(revision), errors: Array.isArray(errors) ? errors.filter(isError) : [] },
      input: { files: filesIn(files), json: membersOf(json) },
      configuration: membersOf(configuration),
      batchId: Number.isSafeInteger(batchId) ? Number(batchId) : null,
      source: sourceIn(membersOf(source)),
    }
  } catch {
    return null
  }
}

function isError(value: unknown): value is ManifestError {
  const { code, name } = membersOf(value)
  return Number.isSafeInteger(code) && typeof name === 'string'
}

function filesIn(value: unknown): JobInput['files'] {
  const entries = Object.entries(membersOf(value)).map(([name, ids]) => [name, Array.isArray(ids) ? ids.filter(isId) : []] as const)
  return Object.fromEntries(entries)
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function sourceIn({ startedAt, endedAt, sensorClass, sensor, collection, task }: Readonly<Record<string, unknown>>): JobSource {
  return {
    ...{ startedAt: numberOf(startedAt), endedAt: numberOf(endedAt), sensorClass: textOf(sensorClass), sensor: textOf(sensor) },
    ...{ collection: textOf(collection), task: textOf(task) },
  }
}

function numberOf(value: unknown): number | null {
  return Number.isSafeInteger(value) ? Number(value) : null
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
