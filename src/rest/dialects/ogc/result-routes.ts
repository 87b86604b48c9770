/** The outputs of a job (OGC 18-062r2, 7.13). */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { noQuerySchema } from '../../schemas.ts'
import { exceptionOf, OgcRefusal } from './exceptions.ts'
import { anyOutputs, sendResults } from './execution-routes.ts'
import { requireJob } from './job-routes.ts'
import { jobParamsSchema } from './job-schemas.ts'
import type { BaseOptions } from './options.ts'
import { badRequestAnswer, exceptionAnswer } from './schemas.ts'

const PATH = '/east/ogc-api/jobs/j-1/results'
const examples = {
  notReady: exceptionOf(new OgcRefusal(404, 'result-not-ready', 'The job "j-1" has no results yet'), PATH),
  dismissed: exceptionOf(new Refusal(410, 'The job "j-1" was dismissed', { details: 'It has no results.' }), PATH),
  failed: exceptionOf(new Refusal(500, 'The job "j-1" has failed', { details: 'exited with 3' }), PATH),
  away: exceptionOf(new Refusal(503, 'Kafka cannot be reached, or did not answer in time'), PATH),
}

export function addJobResults(app: FastifyInstance, { base, deps, lookup, executions }: BaseOptions): void {
  app.withTypeProvider<TypeBoxTypeProvider>().get('/jobs/:jobId/results', {
    schema: {
      tags: ['Jobs'],
      operationId: 'getResult',
      summary: 'Get the outputs of a job',
      security: clientSecurity(deps.auth),
      params: jobParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: anyOutputs,
        204: Type.Null({ description: 'The outputs are where the Link header says' }),
        400: badRequestAnswer,
        404: exceptionAnswer('The workspace has no such job, or it has not ended', examples.notReady),
        410: exceptionAnswer('It was dismissed, or its results are kept no longer', examples.dismissed),
        500: exceptionAnswer('It has failed', examples.failed),
        503: exceptionAnswer('It can’t be said now; Retry-After says when to ask again', examples.away),
      },
    },
    handler: async (request, reply) => {
      const { workspace, jobId } = request.params
      request.jobId = jobId
      const job = await requireJob(lookup, workspace, jobId)
      return sendResults(await executions.resultsOf(job, base.name === 'wps3' ? 'seed' : 'raw'), reply)
    },
  })
}
