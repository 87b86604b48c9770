/** The jobs of a workspace: how far each is, and how it is stopped. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Job } from '../../../domain/job.ts'
import { clientSecurity } from '../../docs.ts'
import { clip, Refusal } from '../../errors.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { exceptionOf, OgcRefusal } from './exceptions.ts'
import { DIALECT, statusInfoOf } from './job-mapping.ts'
import { jobParamsSchema, statusInfoSchema } from './job-schemas.ts'
import type { BaseOptions } from './options.ts'
import { badRequestAnswer, exceptionAnswer } from './schemas.ts'

const tags = ['Jobs']

const exceptionExamples = {
  noSuchJob: exceptionOf(noSuchJob('j-1', 'east'), '/east/ogc-api/jobs/j-1'),
  tooLate: exceptionOf(
    new Refusal(409, 'The job "j-1" can\'t be cancelled any more: all of it has ended', { details: 'What was done is not undone.' }),
    '/east/ogc-api/jobs/j-1',
  ),
  away: exceptionOf(new Refusal(503, 'Kafka cannot be reached, or did not answer in time'), '/east/ogc-api/jobs/j-1'),
}

export function addJobs(app: FastifyInstance, { deps, rootOf, lookup, control }: BaseOptions): void {
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
      return statusInfoOf(await requireJob(lookup, workspace, jobId), rootOf(request, workspace))
    },
  })
  scope.delete('/jobs/:jobId', {
    schema: {
      ...common,
      operationId: 'dismiss',
      summary: 'Stop a job',
      description: 'What was not begun never is; what was is cancelled where its producer can. Asked for twice, it is answered twice.',
      response: {
        200: answer(statusInfoSchema, 'The job, which is dismissed'),
        ...failures,
        409: exceptionAnswer('The job has ended otherwise', exceptionExamples.tooLate),
      },
    },
    handler: async (request) => {
      const { workspace, jobId } = request.params
      request.jobId = jobId
      await requireJob(lookup, workspace, jobId)
      const job = await control.cancel(jobId, { requestedBy: request.principal })
      return statusInfoOf(job, rootOf(request, workspace))
    },
  })
}

/** A job of another workspace or dialect is as none. Throws as JobLookup's own does, with the standard's word for a 404. */
async function requireJob(lookup: JobLookup, workspace: string, jobId: string): Promise<Job> {
  const job = await lookup.require(jobId).catch((error: unknown) => {
    throw error instanceof Refusal && error.status === 404 ? noSuchJob(jobId, workspace) : error
  })
  if (job.tenant !== workspace || job.dialect !== DIALECT) throw noSuchJob(jobId, workspace)
  return job
}

function noSuchJob(jobId: string, workspace: string): OgcRefusal {
  return new OgcRefusal(404, 'no-such-job', `There is no job "${clip(jobId)}" in the workspace ${workspace}`)
}
