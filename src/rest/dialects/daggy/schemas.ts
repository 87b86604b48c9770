/** The bodies of the daggy dialect (contract page "daggy dialect"). What is not known in a specification is refused. */
import { type Static, Type } from 'typebox'

const STRICT = { additionalProperties: false }
/** An instance's name is its operation's id, with room for its number. */
const NAME_LENGTH_MAX = 200
const TEXT_LENGTH_MAX = 131_071
/** What it has to be is said in words, where it is read. */
const NUMBER_AS_TEXT = 'A whole number from 1 to 999999999'
const SECONDS_MAX = 86_400
const RETRIES_MAX = 1_000

const name = Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX })
const text = Type.String({ maxLength: TEXT_LENGTH_MAX })
const names = Type.Array(name, { maxItems: 20_000 })

const jobSchema = Type.Object(
  {
    command: Type.Array(text, { minItems: 1, maxItems: 10_000, description: 'A program of the exec producer, and its arguments' }),
    environment: Type.Optional(Type.Array(text, { maxItems: 1_000, description: 'Each `NAME=value`' })),
    cores: Type.Optional(Type.String({ description: `${NUMBER_AS_TEXT}; left out, what the exec producer gives` })),
    memoryMB: Type.Optional(Type.String({ description: `${NUMBER_AS_TEXT}; left out, what the exec producer gives` })),
  },
  STRICT,
)

const retries = Type.Integer({ minimum: 0, maximum: RETRIES_MAX })
const interval = Type.Integer({ minimum: 0, maximum: SECONDS_MAX })

const taskSpecSchema = Type.Object(
  {
    job: jobSchema,
    maxRetries: Type.Optional(retries),
    retryIntervalSeconds: Type.Optional(interval),
    parents: Type.Optional(names),
    children: Type.Optional(names),
    isGenerator: Type.Optional(Type.Boolean({ description: 'Whether it prints further tasks, as JSON, which run before its children' })),
  },
  STRICT,
)
export type TaskSpec = Static<typeof taskSpecSchema>

export const tasksSchema = Type.Record(Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX }), taskSpecSchema, STRICT)

export const specSchema = Type.Object(
  {
    tag: Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX, description: 'What runs are found by' }),
    parameters: Type.Optional(
      Type.Record(Type.String(), Type.Array(text, { maxItems: 20_000 }), { description: 'Values of each `{{NAME}}`' }),
    ),
    tasks: tasksSchema,
  },
  STRICT,
)
export type Spec = Static<typeof specSchema>

const STATES = ['QUEUED', 'RUNNING', 'RETRY', 'ERRORED', 'COMPLETED', 'KILLED', 'PAUSED'] as const
const state = Type.Enum([...STATES])
export type State = (typeof STATES)[number]

const time = Type.String({ pattern: '^[0-9]+$', description: 'Nanoseconds since the epoch' })

export const taskSchema = Type.Object({
  maxRetries: retries,
  retryIntervalSeconds: interval,
  job: Type.Object({
    environment: Type.Array(text),
    memoryMB: Type.Optional(Type.String()),
    cores: Type.Optional(Type.String()),
    command: Type.Array(text),
  }),
  children: Type.Array(Type.String()),
  parents: Type.Array(Type.String()),
  isGenerator: Type.Boolean(),
})
export type Task = Static<typeof taskSchema>

export const attemptSchema = Type.Object({
  startTime: time,
  stopTime: time,
  rc: Type.Integer({ description: 'The exit code; 9 of what was killed, -1 where there is none' }),
  outputLog: Type.String(),
  errorLog: Type.String(),
  executorLog: Type.String({ description: 'What those who ran it say of it' }),
})
export type TaskAttempt = Static<typeof attemptSchema>

export const runIdSchema = Type.Object({ runID: Type.Integer({ minimum: 0 }) })
export const stateSchema = Type.Object({ state })
export const readySchema = Type.Object({ msg: Type.String() })

export const summarySchema = Type.Object({
  ...runIdSchema.properties,
  tag: Type.String(),
  state,
  startTime: time,
  lastUpdate: time,
  taskCounts: Type.Record(Type.String(), Type.Integer(), { description: 'How many tasks are in which state' }),
})
export type RunSummary = Static<typeof summarySchema>

export const runSchema = Type.Object({
  ...runIdSchema.properties,
  tag: Type.String(),
  tasks: Type.Record(Type.String(), taskSchema),
  taskStates: Type.Record(Type.String(), state),
  taskAttempts: Type.Record(Type.String(), Type.Array(attemptSchema)),
  dagStateChanges: Type.Array(Type.Object({ time, state })),
})
export type DagRun = Static<typeof runSchema>

export const validationSchema = Type.Object({ valid: Type.Boolean(), error: Type.Optional(Type.String()) })

export const runParamsSchema = Type.Object({
  runid: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'The run, as POST /v1/dagrun answered' }),
})
export const taskParamsSchema = Type.Object({
  ...runParamsSchema.properties,
  taskName: Type.String({ description: 'The task, such as simple_0' }),
})
export const stateParamsSchema = Type.Object({ ...runParamsSchema.properties, state: Type.Enum([...STATES]) })
export const listQuerySchema = Type.Object(
  {
    all: Type.Optional(Type.Enum(['0', '1'], { description: '1 for those that are over, too' })),
    tag: Type.Optional(Type.String({ description: 'Only runs of this tag' })),
  },
  STRICT,
)
export type ListQuery = Static<typeof listQuerySchema>
