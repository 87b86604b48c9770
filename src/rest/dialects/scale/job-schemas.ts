/** Bodies and queries of jobs (the seed's tables of Scale v6, "v6 Job Services"): every field is there, null where there is no source. */
import { type Static, type TSchema, Type } from 'typebox'
import { id, instant, jobTypeBriefSchema, nullable, PRIORITY_MAX } from './job-type-schemas.ts'

const NAME_LENGTH_MAX = 256
const FILES_MAX = 1_000
export const PAGE_SIZE_DEFAULT = 100
export const PAGE_SIZE_MAX = 1_000

const text = Type.String()
const any = (description: string) => Type.Object({}, { additionalProperties: true, description })
const nothing = (description: string) => nullable(any(description), `Null: ${description}`)
const when = (description: string) => nullable(instant, description)
const word = (description: string) => nullable(text, description)
const list = <S extends TSchema>(items: S, description: string) =>
  Type.Optional(Type.Array(items, { description: `${description}; may be repeated` }))

export const pageSchema = {
  page: Type.Integer({ default: 1, description: 'From 1' }),
  page_size: Type.Integer({ minimum: 1, default: PAGE_SIZE_DEFAULT, description: `What is beyond ${PAGE_SIZE_MAX} is taken as that` }),
}
const timeText = (description: string) =>
  Type.Optional(Type.String({ description: `${description}: an ISO 8601 date-time with its zone, or a duration before now such as PT3H` }))

const status = Type.Enum(['PENDING', 'BLOCKED', 'QUEUED', 'RUNNING', 'FAILED', 'COMPLETED', 'CANCELED'])
const executionStatus = Type.Enum(['RUNNING', 'FAILED', 'COMPLETED', 'CANCELED'])
const category = Type.Enum(['SYSTEM', 'DATA', 'ALGORITHM'])
const anyId = Type.Integer()

export const jobListQuerySchema = Type.Object(
  {
    ...pageSchema,
    started: timeText('Jobs modified then or later'),
    ended: timeText('Jobs modified then or earlier'),
    source_started: timeText('Jobs whose source began then or later'),
    source_ended: timeText('Jobs whose source ended then or earlier'),
    source_sensor_class: list(text, 'Jobs of any of these'),
    source_sensor: list(text, 'Jobs of any of these'),
    source_collection: list(text, 'Jobs of any of these'),
    source_task: list(text, 'Jobs of any of these'),
    source_tasks: list(text, 'The same as source_task'),
    order: list(text, 'The field to order by, with a dash before it backwards'),
    status: list(status, 'Jobs that are any of these'),
    job_id: list(anyId, 'Any of these jobs'),
    job_type_id: list(anyId, 'Jobs of any of these types'),
    job_type_name: list(text, 'Jobs of types of any of these names'),
    batch_id: list(anyId, 'Jobs of any of these batches'),
    recipe_id: list(anyId, 'No job is of a recipe'),
    error_category: list(category, 'Jobs that failed for that'),
    error_id: list(anyId, 'Jobs that failed with any of these errors'),
    is_superseded: Type.Optional(Type.Enum(['true', 'false', 'True', 'False', '1', '0'], { description: 'No job is' })),
  },
  { additionalProperties: false },
)
export type JobListQuery = Static<typeof jobListQuerySchema>

const ids = (description: string) => Type.Optional(Type.Array(Type.Integer(), { description }))
const texts = (description: string) => Type.Optional(Type.Array(text, { description }))
const errorId = Type.Unsafe<number | string>({ oneOf: [Type.Integer(), Type.String({ pattern: '^[0-9]{1,16}$' })] })
export const bulkFilterSchema = Type.Object(
  {
    ...{ started: timeText('Jobs modified then or later'), ended: timeText('Jobs modified then or earlier') },
    status: Type.Optional(status),
    ...{ job_ids: ids('Any of these jobs'), job_type_ids: ids('Jobs of any of these types') },
    job_types: Type.Optional(Type.Array(Type.Object({ name: text, version: text }), { description: 'Jobs of any of these types' })),
    ...{ job_type_names: texts('Jobs of types of any of these names'), batch_ids: ids('Jobs of any of these batches') },
    recipe_ids: ids('No job is of a recipe'),
    error_ids: Type.Optional(Type.Array(errorId, { description: 'Jobs that failed so; the seed has texts here' })),
    error_categories: Type.Optional(Type.Array(category)),
    is_superseded: Type.Optional(Type.Boolean({ description: 'No job is' })),
  },
  { additionalProperties: false, description: 'Jobs that satisfy all that is given; an empty object means all' },
)
export type BulkFilter = Static<typeof bulkFilterSchema>

export const requeueSchema = Type.Object(
  {
    ...bulkFilterSchema.properties,
    priority: Type.Optional(Type.Integer({ minimum: 1, maximum: PRIORITY_MAX, description: 'Left out, each job’s own' })),
  },
  { additionalProperties: false },
)
export type Requeue = Static<typeof requeueSchema>

const file = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const inputSchema = Type.Object(
  {
    files: Type.Optional(Type.Record(text, Type.Array(file, { maxItems: FILES_MAX }), { description: 'Ids by the names of inputs' })),
    json: Type.Optional(any('Values by the names of inputs')),
  },
  { additionalProperties: false },
)
const optionalName = Type.Optional(Type.String({ maxLength: NAME_LENGTH_MAX }))
const configurationSchema = Type.Object(
  { priority: Type.Optional(Type.Integer({ minimum: 1, maximum: PRIORITY_MAX, description: 'Left out, the job type’s' })) },
  { additionalProperties: true, description: 'What is not named here is kept and shown' },
)

/** What must be there is said in the dialect's own words. */
export const jobInputSchema = Type.Object(
  {
    job_type_id: Type.Optional(Type.Integer({ description: 'Must be there' })),
    input: Type.Optional({ ...inputSchema, description: 'Must be there' }),
    configuration: Type.Optional(configurationSchema),
    source_started: Type.Optional(instant),
    source_ended: Type.Optional(instant),
    ...{ source_sensor_class: optionalName, source_sensor: optionalName, source_collection: optionalName, source_task: optionalName },
  },
  { additionalProperties: false },
)
export type JobInputBody = Static<typeof jobInputSchema>

const INPUTS_MAX = 1_000
export const batchInputSchema = Type.Object(
  {
    title: Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX }),
    description: optionalName,
    job_type_id: Type.Integer(),
    inputs: Type.Array(inputSchema, { minItems: 1, maxItems: INPUTS_MAX, description: 'A job for each' }),
    configuration: Type.Optional(configurationSchema),
  },
  { additionalProperties: false },
)
export type BatchInput = Static<typeof batchInputSchema>

export const batchSchema = Type.Object({ id, title: text, description: word('Where it was given'), created: instant })

const nodeSchema = nullable(Type.Object({ id, hostname: text }), 'The worker that ran it last')
const errorSchema = nullable(
  Type.Object({
    ...{ id, name: text, title: text, description: word('Where it has one'), job_type_name: word('Null of one that is built in') },
    ...{ category, is_builtin: Type.Boolean(), should_be_retried: Type.Boolean() },
  }),
  'Why it failed; null where it did not',
)
const inputFileSize = nullable(Type.Number(), 'Null: the sizes of files are not known here')
const resources = nullable(
  Type.Object({ resources: Type.Record(text, Type.Number()) }),
  'What the manifest asks for; null where the job type is no longer there',
)

/** A job’s number: the first command of all has the number 0. */
const jobId = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const executionFields = {
  id: nullable(id, 'Null beyond what fits'),
  status: executionStatus,
  exe_num: Type.Integer({ minimum: 1 }),
  cluster_id: word('Null: there is no cluster'),
  created: instant,
  queued: when('Null of the first of an earlier run, of which it is not kept'),
  started: instant,
  ended: when('Null while it runs'),
  job: Type.Object({ id: jobId }),
  node: nodeSchema,
  error: errorSchema,
  job_type: jobTypeBriefSchema,
  timeout: nullable(Type.Integer(), 'Seconds'),
  input_file_size: inputFileSize,
}
export const executionSchema = Type.Object(executionFields)
export const executionDetailsSchema = Type.Object({
  ...executionFields,
  task_results: nothing('there are no tasks'),
  resources,
  configuration: any('As the job was created with'),
  output: nullable(Type.Object({ output_data: Type.Array(any('A file')) }), 'Null: files have no ids here'),
})

const jobFields = {
  id: jobId,
  job_type: jobTypeBriefSchema,
  job_type_rev: any('The job type as it was when the job was created'),
  event: nothing('there are no trigger events'),
  recipe: nothing('there are no recipes'),
  batch: nullable(batchSchema, 'Null of a job of none'),
  is_superseded: Type.Boolean(),
  superseded_job: nothing('no job is superseded'),
  status,
  node: nodeSchema,
  error: errorSchema,
  num_exes: Type.Integer({ minimum: 0 }),
  input_file_size: inputFileSize,
  input_files: nothing('the names of files are not known here'),
  ...{ source_started: when('Where it was given'), source_ended: when('Where it was given') },
  ...{ source_sensor_class: word('Where it was given'), source_sensor: word('Where it was given') },
  ...{ source_collection: word('Where it was given'), source_task: word('Where it was given') },
  ...{ created: instant, queued: instant, started: when('Null while it waits'), ended: when('Null before') },
  ...{ last_status_change: instant, superseded: when('Null: no job is superseded'), last_modified: instant },
}
export const jobSchema = Type.Object(jobFields)
export const jobDetailsSchema = Type.Object({
  ...jobFields,
  superseded_by_job: nothing('no job is superseded'),
  resources,
  max_tries: Type.Integer({ minimum: 1 }),
  execution: nullable(executionDetailsSchema, 'The latest; null where there was none'),
  input: any('As the job was created with'),
  output: any('What the command has written as its JSON outputs; files have no ids here'),
  configuration: any('As the job was created with'),
})

export const batchDetailsSchema = Type.Object({ ...batchSchema.properties, job_type_id: Type.Integer(), jobs_total: Type.Integer() })
export const batchListQuerySchema = Type.Object(pageSchema, { additionalProperties: false })

export function pageOf(results: TSchema): TSchema {
  const url = nullable(text, 'Null where there is none')
  return Type.Object({ count: Type.Integer(), next: url, previous: url, results: Type.Array(results) })
}

export const inputFileSchema = Type.Object({
  ...{ id: Type.Integer(), job_input: text, file_name: word('Null: not known here') },
  file_size: nullable(Type.Integer(), 'Null: not known here'),
})

export const inputFilesQuerySchema = Type.Object(
  {
    ...pageSchema,
    started: timeText('Files of that time or later, which are none'),
    ended: timeText('Files of that time or earlier, which are none'),
    time_field: Type.Optional(Type.Enum(['last_modified', 'data', 'source'], { description: 'Which time that is: none of them is known' })),
    ...{ file_name: Type.Optional(text), job_input: Type.Optional(text) },
  },
  { additionalProperties: false },
)
export type InputFilesQuery = Static<typeof inputFilesQuerySchema>
export const executionsQuerySchema = Type.Object(
  {
    ...pageSchema,
    status: list(executionStatus, 'Executions that are any of these'),
    node_id: list(anyId, 'On any of these nodes'),
    error_id: list(anyId, 'That failed with any of these errors'),
    error_category: list(category, 'That failed for that'),
  },
  { additionalProperties: false },
)
export type ExecutionsQuery = Static<typeof executionsQuerySchema>

export const jobParamsSchema = Type.Object({ id: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) })
export const executionParamsSchema = Type.Object({ ...jobParamsSchema.properties, exe_num: Type.Integer({ minimum: 0 }) })
export const logParamsSchema = Type.Object({ ...jobParamsSchema.properties, log_id: Type.Enum(['stdout', 'stderr', 'combined']) })

export const logLineSchema = Type.Object({
  message: text,
  '@timestamp': when('Null: lines have no times of their own here'),
  scale_order_num: Type.Integer({ minimum: 1 }),
  scale_task: nullable(Type.Integer(), 'Null: there are no tasks'),
  scale_job_exe: word('Null: there is no cluster'),
  scale_node: word('The worker that ran it'),
  stream: Type.Enum(['stdout', 'stderr']),
})
export type LogLine = Static<typeof logLineSchema>

export const detailSchema = Type.Object({ detail: text })
