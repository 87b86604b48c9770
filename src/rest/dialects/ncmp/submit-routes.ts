/** Jobs come in: `POST /ranoam/cm/v1/dataJob`. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { PRIORITY_DEFAULT } from '../../../domain/share.ts'
import { bearerTokenOf } from '../../auth.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clientSecurity } from '../../docs.ts'
import { idempotencyKeyOf } from '../../jobs/job-ids.ts'
import type { JobIntake, JobRequest } from '../../jobs/job-intake.ts'
import type { JobUpload, PartSink } from '../../jobs/job-upload.ts'
import { answer, errorAnswer, refTo, unavailableAnswer } from '../../schemas.ts'
import { traceparentOf } from '../../traceparent.ts'
import { readBody } from '../../upload-body.ts'
import { acceptedLinks, agreedDestination, deadlineOf, previewAnswer } from './mapping.ts'
import { placesOf } from './places.ts'
import { JobRequestReader, type NcmpEnvelope } from './request.ts'
import { acceptedSchema, errorExamples, jobBodySchema, TENANT } from './schemas.ts'
import { previewSchema, submitHeadersSchema, submitQuerySchema } from './submit-schemas.ts'

const DIALECT = 'ncmp'

const SUBMIT_DESCRIPTION = `
Takes a job in: once this is answered with 202, the job is durable in Kafka and will be carried out.

All operations read, or all write. One that no registered handle answers for fails on its own; the others go on. A job
that was sent under a \`jobId\` or an \`Idempotency-Key\` may be sent again: the same job gets the same answer and runs
once, another one gets 409.

The body is read as it comes, a million operations as well as one. It is taken as a whole or not at all: a request that
ends early, or is refused, leaves nothing behind.

With \`dryRun=true\` nothing is taken: the answer, 200, tells what the job would be split into now.
`

interface SubmitRoute {
  Body: unknown
  Querystring: Static<typeof submitQuerySchema>
}

type SubmitRequest = FastifyRequest<SubmitRoute>

export interface SubmitOptions {
  readonly deps: ServerDependencies
  readonly intake: JobIntake
}

export function addSubmit(app: FastifyInstance, options: SubmitOptions): void {
  const { deps, intake } = options
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.post<SubmitRoute>('/dataJob', {
    config: { documentedBody: jobBodySchema, readsBody: true },
    schema: {
      tags: ['Data jobs'],
      operationId: 'submitDataJob',
      summary: 'Submit a job',
      description: SUBMIT_DESCRIPTION,
      security: clientSecurity(deps.auth),
      querystring: submitQuerySchema,
      headers: submitHeadersSchema,
      response: {
        200: answer(previewSchema, 'What the job would be split into; nothing was taken'),
        202: answer(refTo(acceptedSchema), 'The job is durable', { Location: 'Its `statusuri`' }),
        400: errorAnswer('The body, a parameter or a header can’t be read', errorExamples.badRequest),
        408: errorAnswer('The body does not come', errorExamples.tooSlow),
        409: errorAnswer('The id is taken by a job with other content', errorExamples.conflict),
        413: errorAnswer('The body, one operation or their number is above a limit', errorExamples.tooLarge),
        415: errorAnswer('The body is not sent as application/json', errorExamples.wrongType),
        422: errorAnswer('The destination does not exist; or a strict job has handles that are not ready', errorExamples.notReady),
        503: unavailableAnswer('Kafka or the object store is away, or too much is going on'),
      },
    },
    handler: async (request, reply) => {
      const body = request.body instanceof Readable ? request.body : Readable.from([])
      const { dryRun } = request.query
      return intake.admit(() => (dryRun ? preview(request, body, options) : submit(request, body, reply, options)))
    },
  })
}

async function submit(request: SubmitRequest, body: Readable, reply: FastifyReply, { deps, intake }: SubmitOptions): Promise<unknown> {
  const places = placesOf(request, deps)
  const terms = termsOf(request, deps)
  const upload = intake.upload(terms)
  try {
    const reader = readerFor(deps)
    const envelope = await receive(request, body, reader, { deps, operations: upload.operations })
    const { job } = await intake.take(jobRequestOf(request, terms, envelope, deps), upload)
    request.jobId = job.jobId
    const links = acceptedLinks(job.jobId, job.destination, places)
    return await reply.code(202).header('location', links.statusuri).send(links)
  } finally {
    await upload.operations.close()
  }
}

async function preview(request: SubmitRequest, body: Readable, { deps, intake }: SubmitOptions): Promise<unknown> {
  const terms = termsOf(request, deps)
  const reader = readerFor(deps)
  const upload = intake.previewUpload(terms.tenant, () => reader.kind)
  try {
    const envelope = await receive(request, body, reader, { deps, operations: upload.operations })
    return previewAnswer(await intake.preview(jobRequestOf(request, terms, envelope, deps), upload))
  } finally {
    await upload.operations.close()
  }
}

function readerFor({ limits }: ServerDependencies): JobRequestReader {
  return new JobRequestReader({ operationBytesMax: limits.commandBytesMax })
}

async function receive(
  request: SubmitRequest,
  body: Readable,
  reader: JobRequestReader,
  { deps, operations }: { readonly deps: ServerDependencies; readonly operations: JobUpload<PartSink> },
): Promise<NcmpEnvelope> {
  const { timers, limits } = deps
  const bounds = { timers, bytesMax: limits.jobBodyBytesMax, idleMsMax: limits.requestTimeoutMs }
  await readBody(request, body, bounds, async (bytes) => {
    const next = reader.push(bytes)
    if (next.length === 0) return
    const wrong = await operations.take(next, reader.kind)
    if (wrong !== null) throw reader.refusalOf(wrong)
  })
  const envelope = reader.end()
  request.jobId = envelope.jobId
  return envelope
}

type Terms = Omit<JobRequest, keyof NcmpEnvelope>

/** What is known before the body; throws a 400 on what is wrong with it. */
function termsOf(request: SubmitRequest, deps: ServerDependencies): Terms {
  const { query, headers, principal } = request
  return {
    idempotencyKey: idempotencyKeyOf(request),
    tenant: TENANT,
    dialect: DIALECT,
    dialectData: null,
    priority: PRIORITY_DEFAULT,
    labels: {},
    deadlineAt: deadlineOf(query.deadline, deps.clock),
    attemptsMax: null,
    submittedBy: principal,
    traceparent: traceparentOf(headers.traceparent),
    dependencies: [],
    strict: query.strict,
    authorization: bearerTokenOf(request),
  }
}

function jobRequestOf({ query }: SubmitRequest, terms: Terms, envelope: NcmpEnvelope, deps: ServerDependencies): JobRequest {
  return { ...terms, ...envelope, destination: agreedDestination(query.destination, envelope.destination, deps.destinations) }
}
