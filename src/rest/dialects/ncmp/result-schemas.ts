/** What is shown of results on topics. */
import { Type } from 'typebox'
import { named, nullable, refTo } from '../../schemas.ts'
import { cursorSchema, limitSchema } from './bucket-schemas.ts'

export const resultsQuerySchema = Type.Object({ limit: limitSchema, cursor: cursorSchema }, { additionalProperties: false })

export const resultEventSchema = named('ResultEvent', Type.Object(
  {
    partition: Type.Integer({ minimum: 0 }),
    offset: Type.Integer({ minimum: 0 }),
    headers: Type.Record(Type.String(), Type.String(), { description: 'A CloudEvent’s attributes in Kafka’s binary mode' }),
    value: Type.Unknown({
      description: 'As it is on the topic where that is JSON; else the value as a text, in base64 where it is none',
    }),
  },
  {
    examples: [
      {
        partition: 3,
        offset: 812,
        headers: {
          ce_specversion: '1.0',
          ce_id: 'replan-2025-11-22/0/0',
          ce_type: 'org.onap.cps.ncmp.events.async1_0_0.DataJobEvent',
          ce_source: 'dmi.north',
          ce_correlationid: 'replan-2025-11-22',
        },
        value: {
          data: { responses: [{ operationId: 'du-1', statusCode: 0, statusMessage: 'Successfully applied changes', result: {} }] },
        },
      },
    ],
  },
))

export const resultEventsSchema = named('ResultEvents', Type.Object({
  items: Type.Array(refTo(resultEventSchema), { description: 'In the order of the topic; the job’s completion event is its last' }),
  next: nullable(
    Type.String(),
    '`cursor` of the next page; null once the job has ended and all was read. A page before that may be short, or empty.',
  ),
}))
