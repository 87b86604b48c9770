/** `/dataJob/{jobId}/results`: what came of a job, wherever it went. */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Job } from '../../../domain/job.ts'
import type { InputRecord } from '../../../kafka/port.ts'
import { clientSecurity } from '../../docs.ts'
import { clip, Refusal } from '../../errors.ts'
import { type EventCursor, type EventPage, formatEventCursor, parseEventCursor } from '../../jobs/result-events.ts'
import { answer, errorAnswer, refTo, unavailableAnswer } from '../../schemas.ts'
import { bucketPage, objectCursorOf } from './bucket-routes.ts'
import { bucketPageSchema } from './bucket-schemas.ts'
import { resultEventSchema, resultEventsSchema, resultsQuerySchema } from './result-schemas.ts'
import type { NcmpOptions } from './options.ts'
import { errorExamples, jobParamsSchema } from './schemas.ts'

const DESCRIPTION = `
For people and scripts that run no consumer. Of a job whose destination is a topic, and of one without a destination: its
events on the topic, as they are there. Of a job whose destination is a bucket: its objects with links, as
\`/s3-bucket/{bucketId}?jobId=\` shows them.

Ask for the next page until \`next\` is null. While the job has not ended there always is a next one, which waits up to a
second for something new. Topics keep events for a limited time; a topic that was deleted since is answered 410. Events are
looked for on the partition that the job’s id names now: a topic that was given more partitions since is not searched.
`

const eitherPage = Type.Union([refTo(resultEventsSchema), refTo(bucketPageSchema)])

export function addResults(app: FastifyInstance, options: NcmpOptions): void {
  const { deps, lookup } = options
  for (const schema of [resultEventSchema, resultEventsSchema]) app.addSchema(schema)
  app.get<{ Params: Static<typeof jobParamsSchema>; Querystring: Static<typeof resultsQuerySchema> }>('/dataJob/:jobId/results', {
    schema: {
      tags: ['Results'],
      operationId: 'getDataJobResults',
      summary: 'Read the results of a job',
      description: DESCRIPTION,
      security: clientSecurity(deps.auth),
      params: jobParamsSchema,
      querystring: resultsQuerySchema,
      response: {
        200: answer(eitherPage, 'One page of events, or of objects'),
        400: errorAnswer('A parameter is unknown or can’t be read', errorExamples.badParameter),
        404: errorAnswer('There is no such job, or it ended long ago, or its bucket is gone', errorExamples.notFound),
        410: errorAnswer('The topic was deleted, and the events with it', errorExamples.topicGone),
        422: errorAnswer('The topic may not be read here, or is kept in a way that is unknown here', errorExamples.topicUnreadable),
        503: unavailableAnswer('Kafka or the object store is away, or too many results are being read'),
      },
    },
    handler: async (request, reply) => {
      const { jobId } = request.params
      request.jobId = jobId
      const job = await lookup.require(jobId)
      // What is in the events is passed on byte for byte.
      return reply.type('application/json; charset=utf-8').send(await pageOf(job, request.query, options))
    },
  })
}

async function pageOf(
  job: Job,
  { limit, cursor }: Static<typeof resultsQuerySchema>,
  { deps, listing, results }: NcmpOptions,
): Promise<Buffer> {
  const { destination } = job
  if (destination.startsWith('s3:')) {
    const bucket = destination.slice('s3:'.length)
    const page = await listing.ofJob(job, bucket, { limit, after: objectCursorOf(cursor) })
    return Buffer.from(JSON.stringify(bucketPage(bucket, page)))
  }
  const topic = destination === '' ? deps.topics.results : destination.slice('kafka:'.length)
  return eventPage(await results.page(job, topic, { limit, after: eventCursorOf(cursor) }))
}

function eventCursorOf(text: string | undefined): EventCursor | null {
  if (text === undefined) return null
  const cursor = parseEventCursor(text)
  if (cursor !== null) return cursor
  const details = 'Use the "next" of the page before as it is.'
  throw new Refusal(400, `query cursor: "${clip(text)}" is not a cursor`, { details })
}

function eventPage({ items, next }: EventPage): Buffer {
  const pieces: Buffer[] = []
  for (const { partition, offset, headers, value } of items) {
    const head = JSON.stringify({ partition, offset, headers }).slice(0, -1)
    pieces.push(Buffer.from(`${pieces.length === 0 ? '{"items":[' : ','}${head},"value":`), jsonOf(value), Buffer.from('}'))
  }
  if (pieces.length === 0) pieces.push(Buffer.from('{"items":['))
  const cursor = next === null ? null : formatEventCursor(next)
  return Buffer.concat([...pieces, Buffer.from(`],"next":${JSON.stringify(cursor)}}`)])
}

function jsonOf(value: InputRecord['value']): Buffer {
  if (value === null) return Buffer.from('null')
  if (!isUtf8(value)) return Buffer.from(JSON.stringify(value.toString('base64')))
  const text = value.toString()
  try {
    JSON.parse(text)
    return value
  } catch {
    return Buffer.from(JSON.stringify(text))
  }
}
