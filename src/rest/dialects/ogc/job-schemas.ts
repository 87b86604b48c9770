/** Jobs as OGC API – Processes has them (18-062r2, statusInfo.yaml); OpenAPI 3.0 as the schemas beside these. */
import { type Static, Type } from 'typebox'
import { linkSchema, workspaceParamsSchema } from './schemas.ts'

export const jobParamsSchema = Type.Object({
  ...workspaceParamsSchema.properties,
  jobId: Type.String({ minLength: 1, description: 'The job, as `jobID` has it' }),
})

export const STATUS_CODES = ['accepted', 'running', 'successful', 'failed', 'dismissed'] as const
const statusCode = Type.Enum(STATUS_CODES)
export type StatusCode = Static<typeof statusCode>

export const statusInfoSchema = Type.Object({
  processID: Type.String({ description: 'Empty for a job that came by Kafka without one' }),
  type: Type.Enum(['process']),
  jobID: Type.String(),
  status: statusCode,
  message: Type.String({ description: 'Why it failed, or what its producer says that it is at; else the status' }),
  created: Type.String({ format: 'date-time' }),
  started: Type.Optional(Type.String({ format: 'date-time' })),
  finished: Type.Optional(Type.String({ format: 'date-time' })),
  updated: Type.String({ format: 'date-time', description: 'When its status became what it is, as far as that is kept' }),
  progress: Type.Integer({
    ...{ minimum: 0, maximum: 100 },
    description: 'Percent of the job: operations that have ended count in full, others as far as their producers say that they are',
  }),
  links: Type.Array(linkSchema),
})
export type StatusInfo = Static<typeof statusInfoSchema>
