/** The jobs of a workspace: how far each is, and how it is stopped. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Job } from '../../../domain/job.ts'
import { clientSecurity } from '../../docs.ts'
import { clip, Refusal } from '../../errors.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { exceptionOf, OgcRefusal } from './exceptions.ts'
import { DIALECT, dismissedInfoOf, statusInfoOf } from './job-mapping.ts'
import { jobParamsSchema, statusInfoSchema } from './job-schemas.ts'
import type { BaseOptions } from './options.ts'
import { badRequestAnswer, exceptionAnswer } from './schemas.ts'

const tags = ['Jobs']

const exceptionExamples = {
  noSuchJob: exceptionOf(noSuchJob('j-1', 'east'), '/east/ogc-api/jobs/j-1'),
  away: exceptionOf(new Refusal(503, 'Kafka cannot be reached, or did not answer in time'), '/east/ogc-api/jobs/j-1'),
}

export function addJobs(app: FastifyInstance, options: BaseOptions): void {
  const { deps, rootOf, lookup } = options
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const common = { tags, security: clientSecurity(deps.auth), params: jobParamsSchema, querystring: noQuerySchema }
  const failures = {
    400: badRequestAnswer,
    404: exceptionAnswer('The workspace has no such job, or it ended long ago', exceptionExamples.noSuchJob),
    503: exceptionAnswer('It can’t be said now; Retry-After says when to ask again', exceptionExamples.away),
  }
  scope.get('/jobs/:jobId', {
    schema: {
      ...common,
      operationId: 'getStatus',
      summary: 'Ask how far a job is',
      response: { 200: answer(statusInfoSchema, 'The job as far as it is known here'), ...failures },
    },
    handler: async (request) => {
      const { workspace, jobId } = request.params
      request.jobId = jobId
      const job = await requireJob(lookup, workspace, jobId)
      const reports = await lookup.reports([job])
      return statusInfoOf(job, rootOf(request, workspace), reports.get(jobId))
    },
  })
  scope.delete('/jobs/:jobId', {
    schema: {
      ...common,
      operationId: 'dismiss',
      summary: 'Stop a job',
      description:
        'What was not begun never is; what was is cancelled where its producer can. A job that has ended otherwise is gone after that; ' +
        'what was published of it stays. One that was dismissed stays so, however often it is asked for.',
      response: { 200: answer(statusInfoSchema, 'The job, which is dismissed'), ...failures },
    },
    handler: async (request) => {
      const { workspace, jobId } = request.params
      request.jobId = jobId
      const job = await requireJob(lookup, workspace, jobId)
      return dismissedInfoOf(await dismiss(job, request.principal, options), rootOf(request, workspace))
    },
  })
}

/** The job as it was last. Throws as JobControl's own do. */
async function dismiss(job: Job, requestedBy: string | null, { control, ends, deps }: BaseOptions): Promise<Job> {
  const ended = job.state === 'concluding' ? await ends.within(job.jobId, deps.limits.catchUpTimeoutMs) : job
  if (ended === null || ended.state !== 'ended' || ended.outcome === 'cancelled') return control.cancel(job.jobId, { requestedBy })
  await control.forget(job.jobId, { requestedBy })
  return ended
}

/** A job of another workspace or dialect is as none. Throws as JobLookup's own does, with the standard's word for a 404. */
export async function requireJob(lookup: JobLookup, workspace: string, jobId: string): Promise<Job> {
  const job = await lookup.require(jobId).catch((error: unknown) => {
    throw error instanceof Refusal && error.status === 404 ? noSuchJob(jobId, workspace) : error
  })
  if (job.tenant !== workspace || job.dialect !== DIALECT) throw noSuchJob(jobId, workspace)
  return job
}

function noSuchJob(jobId: string, workspace: string): OgcRefusal {
  return new OgcRefusal(404, 'no-such-job', `There is no job "${clip(jobId)}" in the workspace ${workspace}`)
}
