/** The NCMP dialect's bodies and parameters (contract page, "Client → us"). The job's body is read in request.ts. */
import { type Static, Type } from 'typebox'
import { JOB_ID_LENGTH_MAX } from '../../../domain/ids.ts'
import { MILESTONE_KINDS } from '../../../domain/milestones.ts'
import { READ_OPERATIONS, WRITE_OPERATIONS } from '../../../domain/operation.ts'
import { named, nullable, refTo } from '../../schemas.ts'

export const JOB_STATUSES = [
  'NOT_STARTED', 'RUNNING', 'FINISHED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLING', 'CANCELLED',
] as const
export type NcmpStatus = (typeof JOB_STATUSES)[number]

export const DATA_ACCEPT_TYPES = [
  'application/vnd.3gpp.object-tree-hierarchical+json',
  'application/vnd.3gpp.object-tree-flat+json',
] as const
export const DATA_CONTENT_TYPE_DEFAULT = 'application/3gpp-json-patch+json'

/** Until clients belong to organisations of their own, all are of one. */
export const TENANT = 'default'

export const PAGE_LIMIT_DEFAULT = 100
export const PAGE_LIMIT_MAX = 1000

const SCOPE_TYPES = ['BASE_ONLY', 'BASE_ALL', 'BASE_NTH_LEVEL', 'BASE_SUBTREE'] as const

const textOrTexts = Type.Union([Type.String(), Type.Array(Type.String())])

/** What a read may ask for beside the path. */
export const readOptionsSchema = Type.Object(
  {
    attributes: Type.Optional(textOrTexts),
    fields: Type.Optional(textOrTexts),
    filter: Type.Optional(Type.String()),
    scopeType: Type.Optional(Type.Enum(SCOPE_TYPES)),
    scopeLevel: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
)

const operationId = Type.Optional(
  Type.Union([Type.Integer(), Type.String()], {
    description:
      'The client’s own name for the operation, unique within the job, reported with its result. Left out: its place, from "1".',
  }),
)
const path = Type.String({
  description: 'The managed object’s fully distinguished name',
  examples: ['/ManagedElement=RAN001/GNBDUFunction=1'],
})

export const readOperationSchema = named('ReadOperation', Type.Object(
  { op: Type.Enum(READ_OPERATIONS), path, operationId, ...readOptionsSchema.properties },
  { additionalProperties: false },
))

export const writeOperationSchema = named('WriteOperation', Type.Object(
  {
    op: Type.Enum(WRITE_OPERATIONS),
    path: Type.String({ description: 'As for a read; `…#attribute` replaces one attribute, `…#action` calls an action' }),
    operationId,
    value: Type.Optional(Type.Unknown({ description: 'Any JSON. It reaches the producer byte for byte as it came.' })),
  },
  { additionalProperties: false },
))

const jobId = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: JOB_ID_LENGTH_MAX,
    description:
      'The client’s own id for the job. The same job sent again under it is not taken twice; another one is refused with 409.',
  }),
)
const dataAcceptType = Type.Optional(Type.Enum(DATA_ACCEPT_TYPES, { default: DATA_ACCEPT_TYPES[0] }))
const dataContentType = Type.Optional(Type.String({ default: DATA_CONTENT_TYPE_DEFAULT }))

const reads = Type.Array(refTo(readOperationSchema), { minItems: 1 })
const writes = Type.Array(refTo(writeOperationSchema), { minItems: 1 })
const dataJobMetadata = Type.Optional(
  Type.Object({ destination: Type.Optional(Type.String()), dataAcceptType, dataContentType }, { additionalProperties: false }),
)

const readExample = {
  dataaccepttype: DATA_ACCEPT_TYPES[0],
  data: [
    { op: 'read', path: '/ManagedElement=RAN001/GNBDUFunction=1', operationId: 'du-1', attributes: ['gNBId'] },
    { op: 'read', path: '/ManagedElement=RAN002/GNBDUFunction=1', operationId: 'du-2', scopeType: 'BASE_SUBTREE' },
  ],
}

const writeExample = {
  jobId: 'replan-2025-11-22',
  dataJobMetadata: { destination: 's3:replan-results', dataContentType: DATA_CONTENT_TYPE_DEFAULT },
  dataJobWriteRequest: {
    data: [
      { op: 'merge', path: '/ManagedElement=RAN001/NRCellDU=7', operationId: 1, value: { attributes: { nRPCI: 42 } } },
      { op: 'remove', path: '/ManagedElement=RAN001/NRCellDU=8', operationId: 2 },
    ],
  },
}

export const jobBodySchema = {
  ...Type.Union([
    Type.Object(
      { jobId, dataaccepttype: dataAcceptType, datacontenttype: dataContentType, data: Type.Union([reads, writes]) },
      { additionalProperties: false, title: 'Operations that all read, or all write' },
    ),
    Type.Object(
      { jobId, dataJobMetadata, dataJobReadRequest: Type.Object({ data: reads }, { additionalProperties: false }) },
      { additionalProperties: false, title: 'Read, as CPS spells it' },
    ),
    Type.Object(
      { jobId, dataJobMetadata, dataJobWriteRequest: Type.Object({ data: writes }, { additionalProperties: false }) },
      { additionalProperties: false, title: 'Write, as CPS spells it' },
    ),
  ]),
  'x-examples': {
    read: { summary: 'Read from two elements', value: readExample },
    write: { summary: 'Write to one element, in the spelling of CPS', value: writeExample },
  },
}

export const eventHeadersSchema = Type.Object({
  'Last-Event-ID': Type.Optional(Type.String({ description: 'The `id` of the last event that the client has heard' })),
})

export const jobParamsSchema = Type.Object({ jobId: Type.String({ description: 'The job’s id, percent-encoded in the path' }) })

export const listQuerySchema = Type.Object(
  {
    status: Type.Optional(Type.Array(Type.Enum(JOB_STATUSES), { description: 'Any of these; may be repeated' })),
    destination: Type.Optional(Type.String({ description: 'As given when the job was submitted' })),
    dialect: Type.Optional(Type.String({ description: 'The door that jobs came through, as in their `dialect`', examples: ['ogc'] })),
    tenant: Type.Optional(Type.String({ description: 'Whose they are, as in their `tenant`', examples: ['default'] })),
    createdAfter: Type.Optional(
      Type.String({ description: 'ISO 8601 instant; jobs created then are in', examples: ['2025-11-22T00:00:00Z'] }),
    ),
    createdBefore: Type.Optional(Type.String({ description: 'ISO 8601 instant; jobs created then are out' })),
    limit: Type.Integer({ minimum: 1, maximum: PAGE_LIMIT_MAX, default: PAGE_LIMIT_DEFAULT }),
    cursor: Type.Optional(Type.String({ description: '`next` of the page before' })),
  },
  { additionalProperties: false },
)
export type ListQuery = Static<typeof listQuerySchema>

const status = Type.Enum(JOB_STATUSES, {
  description: 'FINISHED, PARTIALLY_FAILED, FAILED and CANCELLED are final, unless what failed is tried again.',
})
const links = {
  jobId: Type.String(),
  status,
  statusuri: Type.String({ description: 'Where to ask how far the job is' }),
  resultsuri: Type.String({ description: 'Where the results are: the bucket’s page, or `kafka:` and the name of the topic' }),
}

export const acceptedSchema = named('JobAccepted', Type.Object(links, {
  examples: [
    {
      jobId: 'replan-2025-11-22',
      status: 'NOT_STARTED',
      statusuri: 'http://127.0.0.1:8080/ranoam/cm/v1/dataJob/replan-2025-11-22',
      resultsuri: 'http://127.0.0.1:8080/s3-bucket/replan-results',
    },
  ],
}))

const count = Type.Integer({ minimum: 0 })

const instant = Type.String({ format: 'date-time' })

export const jobSchema = named('Job', Type.Object({
  ...links,
  run: Type.Integer({ minimum: 1, description: '1, and one more each time that what failed was tried again' }),
  kind: Type.Enum(['READ', 'WRITE'], { description: 'Whether the operations read or write' }),
  destination: nullable(Type.String(), 'With its scheme; null when results are kept here'),
  dialect: Type.String({ description: 'The door that the job came through: `ncmp`, `kafka`, `ogc`, `maap`, …' }),
  tenant: Type.String({ description: 'Whose it is: a workspace of OGC API – Processes, else `default`' }),
  dataaccepttype: Type.String(),
  datacontenttype: Type.String(),
  priority: Type.Integer({ description: 'Jobs of one tenant share a producer in parts of 1 / priority' }),
  labels: Type.Record(Type.String(), Type.String()),
  counts: Type.Object({
    operations: Type.Object({ total: count, succeeded: count, failed: count }),
    subjobs: Type.Object(
      { total: count, succeeded: count, partiallyFailed: count, failed: count, cancelled: count },
      { description: 'One subjob per producer and batch; the total is 0 until the job was split' },
    ),
  }),
  createdAt: instant,
  startedAt: nullable(instant, 'When the first producer began; null before'),
  finishedAt: nullable(instant, 'When the last result was published; null before'),
  deadline: nullable(instant, 'When what is not done by then is given up'),
  milestones: Type.Array(
    Type.Object({
      what: Type.Enum([...MILESTONE_KINDS]),
      at: instant,
      status: nullable(Type.Enum(JOB_STATUSES), 'Of a run that ended: how'),
    }),
    { description: 'What its client had it do since its submission, and how its runs before this one ended: the latest 50' },
  ),
  submittedBy: nullable(Type.String(), 'Who submitted the job, where clients identify themselves'),
  message: nullable(Type.String(), 'Why something failed, as far as one sentence can say it'),
}, {
  examples: [
    {
      ...{ jobId: 'replan-2025-11-22', status: 'PARTIALLY_FAILED', run: 1 },
      statusuri: 'http://127.0.0.1:8080/ranoam/cm/v1/dataJob/replan-2025-11-22',
      resultsuri: 'http://127.0.0.1:8080/s3-bucket/replan-results',
      ...{ kind: 'WRITE', destination: 's3:replan-results', dialect: 'ncmp', tenant: TENANT },
      ...{ dataaccepttype: DATA_ACCEPT_TYPES[0], datacontenttype: DATA_CONTENT_TYPE_DEFAULT, priority: 100, labels: {} },
      counts: {
        operations: { total: 500, succeeded: 480, failed: 20 },
        subjobs: { total: 25, succeeded: 24, partiallyFailed: 0, failed: 1, cancelled: 0 },
      },
      ...{ createdAt: '2025-11-22T04:19:00.250Z', startedAt: '2025-11-22T04:19:00.281Z' },
      ...{ finishedAt: '2025-11-22T04:19:07.642Z', deadline: null, milestones: [], submittedBy: null },
      message: 'dmi plugin service is not responding',
    },
  ],
}))
export type NcmpJob = Static<typeof jobSchema>

export const jobListSchema = Type.Object({
  items: Type.Array(refTo(jobSchema), { description: 'The newest first' }),
  next: nullable(Type.String(), '`cursor` of the next page; null on the last. Jobs that come in meanwhile never shift a page.'),
})

/** What errors look like, one of each kind. */
export const errorExamples = {
  badRequest: {
    status: '400 BAD_REQUEST',
    message: 'data[0].op: "paint" is not one of read, add, merge, replace, remove, action',
    details: '',
  },
  badParameter: {
    status: '400 BAD_REQUEST',
    message: 'Unknown query parameter: "colour"',
    details: 'Known are: status, destination, createdAfter, createdBefore, limit, cursor.',
  },
  notFound: { status: '404 NOT_FOUND', message: 'There is no job "replan-2025-11-21"', details: '' },
  noBucket: { status: '404 NOT_FOUND', message: 'No job has the bucket "replan-results" as its destination', details: '' },
  topicGone: {
    status: '410 GONE',
    message: 'The topic "my-results" is not there any more',
    details: 'The events went with it. What became of the job as a whole is in its status.',
  },
  topicUnreadable: {
    status: '422 UNPROCESSABLE_ENTITY',
    message: 'The topic "my-results" can’t be read here',
    details: 'RECORDS_UNREADABLE. Consume the topic with a client of your own.',
  },
  conflict: {
    status: '409 CONFLICT',
    message: 'The id "replan-2025-11-22" is taken by a job with other content',
    details: 'Send another jobId or Idempotency-Key, or ask for the status of the job that has it.',
  },
  tooSlow: { status: '408 REQUEST_TIMEOUT', message: 'The request did not arrive in time', details: 'Nothing came for 30000 ms.' },
  tooLarge: {
    status: '413 PAYLOAD_TOO_LARGE',
    message: 'The job has more than the 1000000 operations allowed',
    details: 'Send it as several jobs. The operator may allow more by DATAJOB_OPERATIONS_MAX.',
  },
  tooLate: {
    status: '409 CONFLICT',
    message: 'The job "replan-2025-11-22" can\'t be cancelled any more: all of it has ended',
    details: 'What was done is not undone.',
  },
  notRetried: {
    status: '409 CONFLICT',
    message: 'The job "replan-2025-11-22" is still running',
    details: 'What failed of it can be tried again once it has ended.',
  },
  notReady: {
    status: '422 UNPROCESSABLE_ENTITY',
    message: 'The job is strict, and 2 of its operations have no handle that is ready',
    details:
      'du-7 (/ManagedElement=X): 100 cm handle reference(s) not found; du-9 (/ManagedElement=RAN009): ' +
      '101 cm handle(s) not ready. Nothing was sent.',
  },
  wrongType: {
    status: '415 UNSUPPORTED_MEDIA_TYPE',
    message: 'Content type "text/plain" is not taken',
    details: 'Send JSON as application/json.',
  },
  noDestination: {
    status: '422 UNPROCESSABLE_ENTITY',
    message: 'The topic "my-results" does not exist',
    details:
      'Create the topic and send the job again, name another destination, or leave it out to keep the results here. ' +
      '"s3:my-results" would name a bucket.',
  },
}
