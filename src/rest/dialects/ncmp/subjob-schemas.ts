/** A job's subjobs as clients see them (contract page, "Client → us"). */
import { type Static, Type } from 'typebox'
import { named, nullable, refTo } from '../../schemas.ts'
import { cursorSchema, limitSchema } from './bucket-schemas.ts'

export const SUBJOB_STATUSES = ['NOT_STARTED', 'RUNNING', 'FINISHED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLED'] as const
export type NcmpSubjobStatus = (typeof SUBJOB_STATUSES)[number]

export const subjobsQuerySchema = Type.Object(
  {
    status: Type.Optional(Type.Array(Type.Enum(SUBJOB_STATUSES), { description: 'Any of these; may be repeated' })),
    limit: limitSchema,
    cursor: cursorSchema,
  },
  { additionalProperties: false },
)

const count = Type.Integer({ minimum: 0 })
const instant = Type.String({ format: 'date-time' })

const attemptSchema = Type.Object({
  number: Type.Integer({ minimum: 1, description: 'From 1 in each run' }),
  run: Type.Integer({ minimum: 1, description: '1 for the first; one more each time that what failed of the job was tried again' }),
  worker: Type.String({ description: 'The process that made it' }),
  startedAt: instant,
  finishedAt: nullable(instant, 'Null while it is under way'),
  status: Type.Enum(SUBJOB_STATUSES),
  code: nullable(Type.Integer(), 'What each of its operations would be reported with; null for one that had a result'),
  message: nullable(Type.String(), 'Why it failed'),
})

export const subjobSchema = named('Subjob', Type.Object(
  {
    subjobId: Type.String({ description: 'The job’s id, a slash, and the subjob’s number from 0' }),
    dmiServiceName: Type.String({ description: 'Empty where no producer is asked: its operations are reported without' }),
    dataProducerId: Type.String({ description: 'The data producer behind the service; may be empty' }),
    status: Type.Enum(SUBJOB_STATUSES, { description: 'FINISHED, PARTIALLY_FAILED, FAILED and CANCELLED are final in this run.' }),
    operations: Type.Object(
      { total: count, succeeded: count, failed: count },
      { description: 'Of the latest run: one that tries again has only the operations that had failed' },
    ),
    parents: Type.Array(Type.String(), { description: 'Subjobs that must have succeeded before it is begun' }),
    waitingFor: nullable(Type.String(), 'What has to happen before it goes on, in words; null once it has ended'),
    progress: nullable(
      Type.Integer({ minimum: 0, maximum: 100 }),
      'Percent of it that its producer says it has done; null where it does not say, or is not at work',
    ),
    nextAttemptAt: nullable(instant, 'When it may be tried again, if the last attempt failed and it is not due yet'),
    attempts: Type.Array(attemptSchema, { description: 'Those of all runs, in order; the last one may be under way' }),
    message: nullable(Type.String(), 'The last error; null where there was none'),
    createdAt: nullable(instant, 'When it was split off its job'),
    startedAt: nullable(instant, 'When its first attempt began; null before'),
    finishedAt: nullable(instant, 'When its results were published; null before'),
  },
  {
    examples: [
      {
        subjobId: 'replan-2025-11-22/4',
        dmiServiceName: 'north',
        dataProducerId: 'ems-1',
        status: 'RUNNING',
        operations: { total: 20, succeeded: 0, failed: 0 },
        parents: [],
        waitingFor: 'its next attempt at 2025-11-22T04:19:09.100Z; attempt 1 failed: north answered 503',
        progress: null,
        nextAttemptAt: '2025-11-22T04:19:09.100Z',
        attempts: [
          {
            ...{ number: 1, run: 1, worker: 'node-1-4711-0a1b2c3d' },
            ...{ startedAt: '2025-11-22T04:19:05.000Z', finishedAt: '2025-11-22T04:19:07.000Z' },
            ...{ status: 'FAILED', code: 102, message: 'north answered 503' },
          },
        ],
        message: 'north answered 503',
        createdAt: '2025-11-22T04:19:00.281Z',
        startedAt: '2025-11-22T04:19:05.000Z',
        finishedAt: null,
      },
    ],
  },
))
export type NcmpSubjob = Static<typeof subjobSchema>

export const subjobListSchema = named('Subjobs', Type.Object({
  items: Type.Array(refTo(subjobSchema), { description: 'By number' }),
  next: nullable(Type.String(), '`cursor` of the next page; null on the last'),
}))
