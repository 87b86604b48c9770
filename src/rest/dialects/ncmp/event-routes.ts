/** A job's changes as server-sent events. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { clientSecurity } from '../../docs.ts'
import { errorAnswer, noQuerySchema, unavailableAnswer } from '../../schemas.ts'
import { jobAnswer } from './mapping.ts'
import { placesOf } from './places.ts'
import type { NcmpOptions } from './options.ts'
import { errorExamples, eventHeadersSchema, jobParamsSchema } from './schemas.ts'

const DESCRIPTION = `
First the job as it is, then an event whenever it has changed, until it has ended; then an event \`end\`, and the end of the
stream. \`data\` is the job as \`GET /ranoam/cm/v1/dataJob/{jobId}\` answers it.

\`id\` grows with each change and is the same on every instance. A client that connects again with \`Last-Event-ID\`, as
browsers do by themselves, hears only of what is new; once it has heard the end, it is answered 204 and need not come again.
States that follow each other quickly may be told as one: the latest.
`

const EXAMPLE = `retry: 2000

id: 4711
event: status
data: {"jobId":"replan-2025-11-22","status":"RUNNING",…}

id: 4725
event: status
data: {"jobId":"replan-2025-11-22","status":"FINISHED",…}

id: 4725
event: end
data: {"jobId":"replan-2025-11-22","status":"FINISHED",…}

`

const eventStream = {
  description: 'The stream',
  content: { 'text/event-stream': { schema: { type: 'string', description: 'Server-sent events' }, example: EXAMPLE } },
} as const

export function addEvents(app: FastifyInstance, { deps, lookup, streams }: NcmpOptions): void {
  app.addHook('preClose', (done) => {
    streams.close()
    done()
  })
  app.get<{ Params: Static<typeof jobParamsSchema> }>('/dataJob/:jobId/events', {
    // A request for the headers only would open a stream that nobody reads.
    exposeHeadRoute: false,
    schema: {
      tags: ['Data jobs'],
      operationId: 'followDataJob',
      summary: 'Follow a job by server-sent events',
      description: DESCRIPTION,
      security: clientSecurity(deps.auth),
      params: jobParamsSchema,
      querystring: noQuerySchema,
      headers: eventHeadersSchema,
      response: {
        200: eventStream,
        204: { type: 'null', description: 'The job has ended, and the client has heard of it' },
        404: errorAnswer('There is no such job, or it ended long ago', errorExamples.notFound),
        503: unavailableAnswer('Too many streams are open, or the job can’t be read now'),
      },
    },
    handler: async (request, reply) => {
      const { jobId } = request.params
      request.jobId = jobId
      const places = placesOf(request, deps)
      const seen = eventIdOf(request.headers['last-event-id'])
      const { job, version } = await lookup.requireSince(jobId, seen)
      if (job.state === 'ended' && version === seen) return reply.code(204).send()
      // A version beyond the latest one is of a job that had the id before.
      const stream = streams.open({
        jobId,
        seen: version < seen ? NONE : seen,
        render: (changed) => JSON.stringify(jobAnswer(changed, places)),
      })
      // Proxies that collect an answer before they pass it on would hold events back.
      return reply.type('text/event-stream').header('x-accel-buffering', 'no').send(stream)
    },
  })
}

const NONE = -1

// What is no id of ours says nothing: the client hears of the job as it is.
function eventIdOf(text: unknown): number {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : NONE
}
