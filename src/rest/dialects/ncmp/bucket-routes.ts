/** `/s3-bucket/{bucketId}`, which the `resultsuri` of a job with a bucket names (contract page, "Client → us"). */
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { parseDestination } from '../../../domain/destination.ts'
import { requireClient } from '../../auth.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clientSecurity } from '../../docs.ts'
import { clip, Refusal } from '../../errors.ts'
import { formatInstant } from '../../instant.ts'
import type { BucketListing, ObjectPage } from '../../jobs/bucket-listing.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { formatObjectCursor, type ObjectCursor, parseObjectCursor } from '../../jobs/object-cursor.ts'
import { answer, errorAnswer, refTo, unavailableAnswer } from '../../schemas.ts'
import { bucketPageSchema, bucketParamsSchema, bucketQuerySchema, resultObjectSchema } from './bucket-schemas.ts'
import { BUCKET_PATH } from './mapping.ts'
import { errorExamples, TENANT } from './schemas.ts'

export interface BucketOptions {
  readonly deps: ServerDependencies
  readonly lookup: JobLookup
  readonly listing: BucketListing
}

const DESCRIPTION = `
The objects that results were stored as, each with a link by which it can be read without credentials for a while. With
\`jobId\` only those of that job; else those of all jobs whose destination the bucket is. Nothing else that may lie in the
bucket is shown. A job's objects are complete once its \`manifest.json\` is there, which names them.
`

export async function addBucketRoutes(app: FastifyInstance, { deps, lookup, listing }: BucketOptions): Promise<void> {
  for (const schema of [resultObjectSchema, bucketPageSchema]) app.addSchema(schema)
  await app.register((child, _options, done) => {
    const scope = child.withTypeProvider<TypeBoxTypeProvider>()
    scope.addHook('onRequest', requireClient(deps.auth))
    scope.get(`${BUCKET_PATH}/:bucketId`, {
      schema: {
        tags: ['Results'],
        operationId: 'listResultObjects',
        summary: 'List the results in a bucket',
        description: DESCRIPTION,
        security: clientSecurity(deps.auth),
        params: bucketParamsSchema,
        querystring: bucketQuerySchema,
        response: {
          200: answer(refTo(bucketPageSchema), 'One page of objects'),
          400: errorAnswer('A parameter is unknown or can’t be read', errorExamples.badParameter),
          404: errorAnswer('No job has the bucket as its destination, or not that job, or the bucket is gone', errorExamples.noBucket),
          503: unavailableAnswer('The object store is away'),
        },
      },
      handler: async (request) => {
        const { bucketId } = request.params
        const { jobId, limit, cursor } = request.query
        const page = { limit, after: objectCursorOf(cursor) }
        requireBucketName(bucketId, deps)
        if (jobId === undefined) return bucketPage(bucketId, await listing.ofBucket(bucketId, TENANT, page))
        request.jobId = jobId
        const job = await lookup.require(jobId)
        if (job.destination !== `s3:${bucketId}`) {
          throw new Refusal(404, `The destination of job "${clip(jobId)}" is not the bucket "${clip(bucketId)}"`)
        }
        return bucketPage(bucketId, await listing.ofJob(job, bucketId, page))
      },
    })
    done()
  })
}

function requireBucketName(name: string, { destinations }: ServerDependencies): void {
  const parsed = parseDestination(`s3:${name}`, destinations)
  if (!parsed.ok) throw new Refusal(404, `No job has the bucket "${clip(name)}" as its destination`)
}

/** Throws a 400 on a text that no page ended with. */
export function objectCursorOf(text: string | undefined): ObjectCursor | null {
  if (text === undefined) return null
  const cursor = parseObjectCursor(text)
  if (cursor !== null) return cursor
  const details = 'Use the "next" of the page before as it is.'
  throw new Refusal(400, `query cursor: "${clip(text)}" is not a cursor`, { details })
}

export function bucketPage(bucketId: string, { items, next }: ObjectPage): Static<typeof bucketPageSchema> {
  return {
    bucketId,
    items: items.map(({ key, jobId, bytes, etag, modifiedAt, url, expiresAt }) => ({
      ...{ key, jobId, bytes, etag, lastModified: formatInstant(modifiedAt), url, expiresAt: formatInstant(expiresAt) },
    })),
    next: next === null ? null : formatObjectCursor(next),
  }
}
