/** The list of jobs as OGC API – Processes has it (18-062r2, clause 12 and jobList.yaml); OpenAPI 3.0 as the schemas beside these. */
import { type Static, Type } from 'typebox'
import { statusInfoSchema } from './job-schemas.ts'
import { LIMIT_DEFAULT, LIMIT_MAX, linkSchema } from './schemas.ts'

const CURSOR_LENGTH_MAX = 64

const words = (description: string) =>
  Type.Optional(Type.Array(Type.String(), { description: `${description}; may be repeated, or several be separated by commas` }))
// The standard has lists here, of which it says nothing but what one value means.
const seconds = (description: string) => Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 1, description }))

export const jobListQuerySchema = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT, description: 'Jobs of a page at most' }),
    type: words('Kinds of jobs: process is the only one'),
    processID: words('Jobs that execute any of these processes'),
    status: words('Jobs that are accepted, running, successful, failed or dismissed'),
    datetime: Type.Optional(
      Type.String({
        description: 'Jobs created then: an RFC 3339 date-time, or two with a slash between, of which one may be .. or left out',
      }),
    ),
    minDuration: seconds('Jobs that took, or have been running for, at least so many seconds'),
    maxDuration: seconds('Jobs that took, or have been running for, so many seconds at most'),
    after: Type.Optional(Type.String({ maxLength: CURSOR_LENGTH_MAX, description: 'As a link to the next page has it' })),
    before: Type.Optional(Type.String({ maxLength: CURSOR_LENGTH_MAX, description: 'As a link to the previous page has it' })),
  },
  { additionalProperties: false },
)
export type JobListQuery = Static<typeof jobListQuerySchema>

export const jobListSchema = Type.Object({
  jobs: Type.Array(statusInfoSchema, { description: 'The newest first' }),
  links: Type.Array(linkSchema),
  numberTotal: Type.Integer({ minimum: 0, description: 'Jobs on all pages together' }),
})
