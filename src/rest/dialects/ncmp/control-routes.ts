/** Jobs are stopped, and what failed of them is tried again. */
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { bearerTokenOf } from '../../auth.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clientSecurity } from '../../docs.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import { answer, errorAnswer, noQuerySchema, refTo, unavailableAnswer } from '../../schemas.ts'
import { jobLinks } from './mapping.ts'
import { placesOf } from './places.ts'
import { acceptedSchema, errorExamples, jobParamsSchema } from './schemas.ts'

export interface ControlOptions {
  readonly deps: ServerDependencies
  readonly control: JobControl
}

const CANCEL_DESCRIPTION = `
From this answer on the job is CANCELLING, on this instance at once. Subjobs that were not begun never are; those that were
are cancelled where their producer can, and what they did is published still. Then the job is CANCELLED. Asked for again, it
is answered in the same way.
`

const RETRY_DESCRIPTION = `
Tries again what failed of a job that has ended: operations that failed or were cancelled, those without a handle too. What
was done stays as it is and is not reported again. The job runs again, with \`run\` one higher, as the same job. Asked for
twice at once, it runs once more.
`

export function addControl(app: FastifyInstance, { deps, control }: ControlOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const common = {
    tags: ['Data jobs'],
    security: clientSecurity(deps.auth),
    params: jobParamsSchema,
    querystring: noQuerySchema,
  }
  scope.delete('/dataJob/:jobId', {
    schema: {
      ...common,
      operationId: 'cancelDataJob',
      summary: 'Cancel a job',
      description: CANCEL_DESCRIPTION,
      response: {
        202: answer(refTo(acceptedSchema), 'It is being cancelled, or was: CANCELLING or CANCELLED', { Location: 'Its `statusuri`' }),
        404: errorAnswer('There is no such job, or it ended long ago', errorExamples.notFound),
        409: errorAnswer('The job has ended otherwise', errorExamples.tooLate),
        503: unavailableAnswer('Kafka is away, or late'),
      },
    },
    handler: async (request, reply) => {
      const { jobId } = request.params
      request.jobId = jobId
      const places = placesOf(request, deps)
      const links = jobLinks(await control.cancel(jobId, { requestedBy: request.principal }), places)
      return reply.code(202).header('location', links.statusuri).send(links)
    },
  })
  scope.post('/dataJob/:jobId/retry', {
    schema: {
      ...common,
      operationId: 'retryDataJob',
      summary: 'Try again what failed',
      description: RETRY_DESCRIPTION,
      response: {
        202: answer(refTo(acceptedSchema), 'It runs again', { Location: 'Its `statusuri`' }),
        404: errorAnswer('There is no such job, or it ended long ago', errorExamples.notFound),
        409: errorAnswer('The job has not ended, nothing failed, or it is too long ago', errorExamples.notRetried),
        503: unavailableAnswer('Kafka is away, or late'),
      },
    },
    handler: async (request, reply) => {
      const { jobId } = request.params
      request.jobId = jobId
      const places = placesOf(request, deps)
      const job = await control.retry(jobId, { requestedBy: request.principal, authorization: bearerTokenOf(request) })
      const links = jobLinks(job, places)
      return reply.code(202).header('location', links.statusuri).send(links)
    },
  })
}
