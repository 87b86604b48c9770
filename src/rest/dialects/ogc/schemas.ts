/**
 * The bodies of OGC API – Processes (18-062r2, schemas of its OpenAPI definition). All are OpenAPI 3.0 too: no `const`, no `null`, one
 * `example` at most.
 */
import { type Static, Type } from 'typebox'
import { Refusal } from '../../errors.ts'
import { type ExceptionBody, exceptionOf } from './exceptions.ts'

/** Names of workspaces become parts of paths and of records’ keys: no slash, and no dot at the beginning. */
const WORKSPACE = '^[a-zA-Z0-9_-][a-zA-Z0-9._-]*$'
const WORKSPACE_LENGTH_MAX = 64
const PROCESS_ID_LENGTH_MAX = 256

const workspace = Type.String({
  ...{ minLength: 1, maxLength: WORKSPACE_LENGTH_MAX, pattern: WORKSPACE },
  description: 'Whose processes and jobs: each workspace has its own, from its first use on',
})

export const workspaceParamsSchema = Type.Object({ workspace })

export const processParamsSchema = Type.Object({
  workspace,
  processId: Type.String({ minLength: 1, maxLength: PROCESS_ID_LENGTH_MAX, description: 'The process, as the list has it' }),
})

export const LIMIT_MAX = 10_000
export const LIMIT_DEFAULT = 10

export const processListQuerySchema = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT, description: 'Processes of a page at most' }),
    after: Type.Optional(Type.String({ maxLength: PROCESS_ID_LENGTH_MAX, description: 'As a link to the next page has it' })),
    before: Type.Optional(Type.String({ maxLength: PROCESS_ID_LENGTH_MAX, description: 'As a link to the previous page has it' })),
  },
  { additionalProperties: false },
)
export type ProcessListQuery = Static<typeof processListQuerySchema>

export const linkSchema = Type.Object({
  href: Type.String(),
  rel: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  title: Type.Optional(Type.String()),
})
export type Link = Static<typeof linkSchema>

const links = Type.Array(linkSchema)

export const landingPageSchema = Type.Object({ title: Type.String(), description: Type.String(), links })

export const conformanceSchema = Type.Object({ conformsTo: Type.Array(Type.String()) })

const summaryMembers = {
  id: Type.String(),
  version: Type.String(),
  title: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  keywords: Type.Optional(Type.Array(Type.String())),
  mutable: Type.Boolean({ description: 'Whether clients may replace and remove it' }),
  jobControlOptions: Type.Array(Type.Enum(['sync-execute', 'async-execute', 'dismiss'])),
  outputTransmission: Type.Array(Type.Enum(['value', 'reference'])),
  links,
}

export const processSummarySchema = Type.Object(summaryMembers, { additionalProperties: true })
export type ProcessSummary = Static<typeof processSummarySchema>

// Each has a `schema` and is otherwise what who deployed the process says of it.
const described = (what: string) =>
  Type.Record(Type.String(), Type.Object({ schema: Type.Object({}, { additionalProperties: true }) }, { additionalProperties: true }), {
    description: what,
  })

export const processSchema = Type.Object(
  {
    ...summaryMembers,
    inputs: Type.Optional(described('What it takes, by name')),
    outputs: Type.Optional(described('What it yields, by name')),
  },
  { additionalProperties: true },
)

export type ProcessDescription = Static<typeof processSchema>

export const processListSchema = Type.Object({ processes: Type.Array(processSummarySchema), links })
export type ProcessList = Static<typeof processListSchema>

const exceptionSchema = Type.Object(
  {
    type: Type.String({ description: 'Names the kind of exception; about:blank where the status says all' }),
    title: Type.String({ description: 'What is wrong' }),
    status: Type.Integer({ description: 'The HTTP status' }),
    detail: Type.String({ description: 'Where it is wrong, which limit applies, what to do about it; may be empty' }),
    instance: Type.String({ description: 'The path that was asked for' }),
  },
  { additionalProperties: true },
)

interface ExceptionContent {
  readonly schema: typeof exceptionSchema
  readonly example: ExceptionBody
}

/** What a route's `response` says of a refused or failed request. */
export interface ExceptionAnswer {
  readonly description: string
  readonly content: Readonly<Record<'application/json' | 'application/problem+json', ExceptionContent>>
}

/** The answer to a refused or failed request, with an exception as it may be. */
export function exceptionAnswer(description: string, example: ExceptionBody): ExceptionAnswer {
  const content = { schema: exceptionSchema, example }
  return { description, content: { 'application/json': content, 'application/problem+json': content } }
}

const WORKSPACE_INVALID = new Refusal(400, 'path workspace holds a character that is not allowed there')

export const badRequestAnswer = exceptionAnswer(
  'The workspace’s name or a parameter can’t be read, or is not known',
  exceptionOf(WORKSPACE_INVALID, '/%C3%A4/ogc-api/processes'),
)
