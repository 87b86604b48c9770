/** What goes with a job when it is submitted, and what a dry run of it answers. */
import { type Static, Type } from 'typebox'
import { IDEMPOTENCY_KEY_LENGTH_MAX } from '../../jobs/job-ids.ts'
import { PREVIEWED_SUBJOBS_MAX } from '../../jobs/job-preview.ts'

const DESTINATION = `
Where the results go: \`kafka:TOPIC\`, \`s3:BUCKET\`, or a bare name, which the operator’s settings make a topic or a
bucket. It must exist. Left out: the results are kept on the topic that \`resultsuri\` names.
`

const STRICT = `
Takes the job only if every operation has a handle that is ready; otherwise 422 names the first that have none. The
coordinator looks again where the whole job fits into one record.
`

export const submitQuerySchema = Type.Object(
  {
    destination: Type.Optional(Type.String({ description: DESTINATION, examples: ['kafka:my-results'] })),
    strict: Type.Boolean({ default: false, description: STRICT }),
    dryRun: Type.Boolean({ default: false, description: 'Takes nothing, and answers 200 with what the job would be split into' }),
    deadline: Type.Optional(
      Type.String({
        description: 'ISO 8601 instant with a zone, in the future: what is not done by then is given up',
        examples: ['2026-11-22T04:19:00Z'],
      }),
    ),
  },
  { additionalProperties: false },
)

export const submitHeadersSchema = Type.Object({
  'Idempotency-Key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: IDEMPOTENCY_KEY_LENGTH_MAX,
      description: 'Makes sending the same job again safe where the client has no id of its own. Outweighed by `jobId`.',
    }),
  ),
  traceparent: Type.Optional(Type.String({ description: 'W3C trace context that the job belongs to' })),
})

const count = Type.Integer({ minimum: 0 })

export const previewSchema = Type.Object(
  {
    jobId: Type.Null({ description: 'There is no job' }),
    kind: Type.Enum(['READ', 'WRITE']),
    operations: count,
    subjobs: Type.Array(Type.Object({ dmiServiceName: Type.String(), dataProducerId: Type.String(), operations: count }), {
      description: `What producers would be asked, at most ${PREVIEWED_SUBJOBS_MAX} of it`,
    }),
    subjobsTotal: count,
    refused: Type.Array(
      Type.Object({
        operationId: Type.Union([Type.Integer(), Type.String()]),
        path: Type.String(),
        statusCode: Type.Integer({ description: '100: no handle; 101: the handle is not ready' }),
        statusMessage: Type.String(),
      }),
      { description: 'The first of the operations that no producer would be asked about' },
    ),
    refusedOperations: Type.Integer({ minimum: 0, description: 'How many there are' }),
  },
  {
    examples: [
      {
        ...{ jobId: null, kind: 'READ', operations: 3 },
        subjobs: [{ dmiServiceName: 'ran-dmi', dataProducerId: 'enm-1', operations: 2 }],
        subjobsTotal: 1,
        refused: [{ operationId: 'du-9', path: '/ManagedElement=X', statusCode: 100, statusMessage: 'cm handle reference(s) not found' }],
        refusedOperations: 1,
      },
    ],
  },
)

export type NcmpPreview = Static<typeof previewSchema>
