/** What jobs of this dialect are found and ordered by; the same that {@link jobViewOf} shows. */
import type { FacetsOf } from '../../../read-model/job-facets.ts'
import { executionCount, executionsOf, jobErrorOf, jobStatusOf } from './executions.ts'
import { jobDataOf } from './job-data.ts'

export const scaleFacetsOf: FacetsOf = (job, row) => {
  const data = jobDataOf(job)
  if (data === null) return null
  const executions = executionsOf(job, row, data)
  const status = jobStatusOf(job, row)
  const error = jobErrorOf(job, row, data)
  const waits = status === 'QUEUED' || status === 'PENDING'
  const last = executions.at(-1)
  const queuedAt = row?.plan?.at ?? job.createdAt
  const startedAt = waits ? null : (last?.startedAt ?? null)
  const endedAt = job.state === 'ended' ? job.finishedAt : null
  const statusAt = job.abandonedAt ?? endedAt ?? startedAt ?? queuedAt
  const { type, source } = data
  return {
    ...{ status, typeId: type.id, typeName: type.name, typeVersion: type.version, batchId: data.batchId },
    ...{ errorId: error?.id ?? null, errorCategory: error?.category ?? null, node: last?.worker ?? null },
    ...{ priority: job.priority, executions: executionCount(job, row, executions), createdAt: job.createdAt, queuedAt, startedAt, endedAt },
    ...{ duration: startedAt === null || endedAt === null ? null : endedAt - startedAt, statusAt },
    modifiedAt: Math.max(statusAt, last?.endedAt ?? 0, queuedAt),
    ...{ sourceStartedAt: source.startedAt, sourceEndedAt: source.endedAt, sourceSensorClass: source.sensorClass },
    ...{ sourceSensor: source.sensor, sourceCollection: source.collection, sourceTask: source.task },
  }
}
