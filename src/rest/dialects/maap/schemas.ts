/** The bodies of MAAP's DPS (contract page "MAAP DPS dialect"; the seed's swagger 0.1.0). */
import { type Static, Type } from 'typebox'

const NAME_LENGTH_MAX = 256
const DESCRIPTION_LENGTH_MAX = 2_048
const URI_LENGTH_MAX = 2_048
/** Each is a step, and so a subjob. */
export const GRANULES_MAX = 1_000
const OFFSET_MAX = 1_000_000
const LIMIT_MAX = 200
const LIMIT_DEFAULT = 50

const name = (description: string) => Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX, description })
const description = (what: string) => Type.Optional(Type.String({ maxLength: DESCRIPTION_LENGTH_MAX, description: what }))

export const pageQuerySchema = Type.Object(
  {
    offset: Type.Integer({ minimum: 0, maximum: OFFSET_MAX, default: 0, description: 'How many are passed over, of the newest' }),
    limit: Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT, description: 'How many are shown at most' }),
  },
  { additionalProperties: false },
)

export type PageQuery = Static<typeof pageQuerySchema>

export const jobParamsSchema = Type.Object({ job_id: Type.String({ description: 'The job, as POST /jobs answered' }) })
export const algorithmParamsSchema = Type.Object({
  algorithm_id: Type.String({ description: 'The algorithm, as POST /algorithms answered' }),
})
export const entryParamsSchema = Type.Object({
  entry_id: Type.String({ description: 'The entry, as POST /jobs/{job_id}/submit answered' }),
})
export const stepParamsSchema = Type.Object({
  ...entryParamsSchema.properties,
  index: Type.Integer({ minimum: 0, maximum: GRANULES_MAX - 1, description: 'The step, counted from 0' }),
})

const granuleSchema = Type.Object({ granule_id: name('The granule'), description: description('What it is') })
export type Granule = Static<typeof granuleSchema>

export const jobInputSchema = Type.Object({
  job_name: name('What it is called'),
  algorithm_id: name('The algorithm: one of this API, or the name of a managed object or a process that carries it out'),
  data_collection: Type.Optional(Type.Array(granuleSchema, { maxItems: GRANULES_MAX, description: 'What it is run on, a step for each' })),
  status: Type.Optional(Type.Enum(['ACTIVE', 'DEPRECATED'], { description: 'ACTIVE where it is left out; others can’t be submitted' })),
  description: description('What it does'),
})
export type JobInput = Static<typeof jobInputSchema>

export const jobSchema = Type.Object({
  job_id: Type.String(),
  ...jobInputSchema.properties,
  ...{ data_collection: Type.Array(granuleSchema), status: Type.Enum(['ACTIVE', 'DEPRECATED']) },
})
export type MaapJob = Static<typeof jobSchema>

export const algorithmInputSchema = Type.Object({
  algorithm_name: name('What it is called'),
  algorithm_uri: Type.String({
    minLength: 1,
    maxLength: URI_LENGTH_MAX,
    description: '`exec:` and a command, or the name of a managed object or a process that carries it out',
  }),
  algorithm_branch: Type.Optional(Type.String({ maxLength: NAME_LENGTH_MAX })),
  algorithm_version: Type.Optional(Type.String({ maxLength: NAME_LENGTH_MAX })),
})
export type AlgorithmInput = Static<typeof algorithmInputSchema>

export const algorithmSchema = Type.Object({ algorithm_id: Type.String(), ...algorithmInputSchema.properties })
export type Algorithm = Static<typeof algorithmSchema>

const status = Type.Enum(['SUCCESS', 'ERROR', 'PENDING', 'RUNNING', 'CANCELED', 'TIMEOUT'])
export type EntryStatus = Static<typeof status>

export const stepSchema = Type.Object({
  index: Type.Integer({ minimum: 0 }),
  description: Type.String(),
  status,
  messages: Type.Array(Type.Object({ level: Type.Enum(['WARN', 'ERROR']), text: Type.String() })),
  time_started: Type.Optional(Type.String({ format: 'date-time', description: 'Left out before' })),
  time_ended: Type.Optional(Type.String({ format: 'date-time', description: 'Left out before' })),
  files: Type.Array(Type.Object({ file_uri: Type.String(), description: Type.String() })),
})
export type StepResults = Static<typeof stepSchema>

export const entrySchema = Type.Object({
  entry_id: Type.String(),
  job_id: Type.String(),
  job_name: Type.String(),
  user_id: Type.String({ description: 'Empty where clients don’t identify themselves' }),
  steps: Type.Array(stepSchema),
  status,
  callback_uri: Type.String({ description: 'Empty until it is run with one' }),
})
export type JobEntry = Static<typeof entrySchema>

export const submittedSchema = Type.Object({ entry_id: Type.String() })

export const runInputSchema = Type.Object({
  callback_uri: Type.Optional(
    Type.String({ maxLength: URI_LENGTH_MAX, description: 'Who is told of each change of a step; empty: nobody' }),
  ),
})
export type RunInput = Static<typeof runInputSchema>

export const errorSchema = Type.Object({ message: Type.String() })
