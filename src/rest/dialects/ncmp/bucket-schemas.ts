/** What a bucket's page shows of the results in it. */
import { Type } from 'typebox'
import { named, nullable, refTo } from '../../schemas.ts'
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from './schemas.ts'

export const bucketParamsSchema = Type.Object({ bucketId: Type.String({ description: 'The bucket’s name, without `s3:`' }) })

export const limitSchema = Type.Integer({ minimum: 1, maximum: PAGE_LIMIT_MAX, default: PAGE_LIMIT_DEFAULT })
export const cursorSchema = Type.Optional(Type.String({ description: '`next` of the page before' }))

export const bucketQuerySchema = Type.Object(
  {
    jobId: Type.Optional(Type.String({ description: 'Only this job’s objects' })),
    limit: limitSchema,
    cursor: cursorSchema,
  },
  { additionalProperties: false },
)

export const resultObjectSchema = named('ResultObject', Type.Object(
  {
    key: Type.String({ description: 'One for each subjob; a job’s `manifest.json` is written last, when the job has ended' }),
    jobId: Type.String(),
    bytes: Type.Integer({ minimum: 0 }),
    etag: Type.String(),
    lastModified: Type.String({ format: 'date-time' }),
    url: Type.String({ description: 'Reads the object, without credentials, until `expiresAt`' }),
    expiresAt: Type.String({ format: 'date-time' }),
  },
  {
    examples: [
      {
        key: 'replan-2025-11-22/0000000.json',
        jobId: 'replan-2025-11-22',
        bytes: 1832,
        etag: 'c8a5bd1d2bd5c2fb5c1b1d4d9fb0fd0e',
        lastModified: '2025-11-22T04:19:07.000Z',
        url: 'https://s3.example.org/replan-results/replan-2025-11-22/0000000.json?X-Amz-Signature=…',
        expiresAt: '2025-11-22T05:20:00.000Z',
      },
    ],
  },
))

export const bucketPageSchema = named('ResultObjects', Type.Object({
  bucketId: Type.String(),
  items: Type.Array(refTo(resultObjectSchema), { description: 'The newest job’s first; those of one job by key' }),
  next: nullable(
    Type.String(),
    '`cursor` of the next page; null on the last. A page before it may be short, or empty. Jobs that come in meanwhile never shift one.',
  ),
}))
