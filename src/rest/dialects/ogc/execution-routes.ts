/** Executing processes: at once, or as a job to be followed (OGC 18-062r2, 7.11). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { bearerTokenOf } from '../../auth.ts'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { idempotencyKeyOf } from '../../jobs/job-ids.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { traceparentOf } from '../../traceparent.ts'
import { exceptionOf } from './exceptions.ts'
import { type ExecuteBody, executeSchema } from './execute-schemas.ts'
import { acceptedInfoOf, statusInfoOf } from './job-mapping.ts'
import { statusInfoSchema } from './job-schemas.ts'
import type { BaseOptions } from './options.ts'
import { type Preferences, modeFor, preferencesOf } from './preferences.ts'
import { noSuchProcess } from './process-lookup.ts'
import { type ResultsAnswer } from './results-answer.ts'
import { exceptionAnswer, processParamsSchema } from './schemas.ts'

const DESCRIPTION = `
With \`Prefer: respond-async\` the answer is 201 as soon as the job is durable, where the process can be executed so; its status is at
\`Location\`. Without it who asks waits for the results, where the process can be executed so, and gets a 201 all the same when it
takes too long (\`Prefer: wait=10\` says after how many seconds; \`Link\` names the job then, as \`rel=monitor\`). The same
\`Idempotency-Key\` never makes a second job.
`

const examples = {
  wrongInput: exceptionOf(new Refusal(400, 'body inputs.string must be string'), '/east/ogc-api/processes/echo/execution'),
  noSuchProcess: exceptionOf(noSuchProcess('ndvi', 'east'), '/east/ogc-api/processes/ndvi/execution'),
  failed: exceptionOf(new Refusal(500, 'The job "j-1" has failed', { details: 'exited with 3' }), '/east/ogc-api/processes/ndvi/execution'),
  away: exceptionOf(new Refusal(503, 'Kafka cannot be reached, or did not answer in time'), '/east/ogc-api/processes/echo/execution'),
}

interface ExecutionRoute {
  Params: Static<typeof processParamsSchema>
  Body: ExecuteBody
}

type Request = FastifyRequest<ExecutionRoute>

/** What is answered with the outputs themselves: of any type. */
export const anyOutputs = {
  description: 'The outputs, as `response` and their number say',
  content: {
    'application/json': { schema: Type.Object({}, { additionalProperties: true }) },
    '*/*': { schema: Type.String() },
  },
}

/** Adds the route; the seed's base knows it under two more paths. */
export function addExecution(app: FastifyInstance, options: BaseOptions): void {
  const paths = ['/processes/:processId/execution']
  if (options.base.name === 'wps3') paths.push('/processes/:processId', '/processes/:processId/jobs')
  for (const [at, path] of paths.entries()) addExecutionAt(app, options, path, at === 0 ? 'execute' : `executeAs${at}`)
}

function addExecutionAt(app: FastifyInstance, options: BaseOptions, path: string, operationId: string): void {
  app.post<ExecutionRoute>(path, {
    schema: {
      tags: ['Jobs'],
      operationId,
      summary: 'Execute a process',
      description: DESCRIPTION,
      security: clientSecurity(options.deps.auth),
      params: processParamsSchema,
      querystring: noQuerySchema,
      body: executeSchema,
      response: {
        200: anyOutputs,
        201: answer(statusInfoSchema, 'The job, which is to be followed'),
        204: Type.Null({ description: 'The outputs are where the Link header says' }),
        400: exceptionAnswer('The body, an input or an output is not what the process takes', examples.wrongInput),
        404: exceptionAnswer('The workspace has no such process', examples.noSuchProcess),
        500: exceptionAnswer('The execution has failed', examples.failed),
        503: exceptionAnswer('It can’t be taken now; Retry-After says when to ask again', examples.away),
      },
    },
    handler: (request, reply) => execute(request, reply, options),
  })
}

async function execute(request: Request, reply: FastifyReply, options: BaseOptions): Promise<unknown> {
  const { executions, processes, rootOf, addressOf } = options
  const { workspace, processId } = request.params
  const process = await processes.require(workspace, processId)
  const root = rootOf(request, workspace)
  const preferences = preferencesOf(request.headers.prefer)
  const mode = modeFor(process.modes, preferences)
  const asked = { workspace, process, body: request.body, root, submittedBy: request.principal, idempotencyKey: idempotencyKeyOf(request) }
  const client = { traceparent: traceparentOf(request.headers.traceparent), authorization: bearerTokenOf(request) }
  const job = await executions.start({ ...asked, ...client })
  request.jobId = job.jobId
  const location = `${addressOf(request, workspace)}/jobs/${encodeURIComponent(job.jobId)}`
  if (mode === 'sync') return answerSync(job.jobId, { request, reply, options, preferences, location })
  if (preferences.respondAsync) reply.header('preference-applied', 'respond-async')
  return reply.code(201).header('location', location).send(acceptedInfoOf(job, root))
}

interface SyncAnswer {
  readonly request: Request
  readonly reply: FastifyReply
  readonly options: BaseOptions
  readonly preferences: Preferences
  readonly location: string
}

async function answerSync(jobId: string, { request, reply, options, preferences, location }: SyncAnswer): Promise<unknown> {
  const { executions, ends, lookup, deps, rootOf } = options
  const { syncWaitMs } = deps.limits
  const waitMs = Math.min(syncWaitMs, preferences.waitS === null ? Infinity : 1_000 * preferences.waitS)
  const ended = await ends.within(jobId, waitMs)
  if (ended !== null) {
    // The standard's own suite can't read the address of a job in a header: whoever says nothing of how to be answered is not told of it.
    if (request.headers.prefer !== undefined) reply.header('link', `<${location}>; rel=monitor`)
    return sendResults(await executions.resultsOf(ended, 'raw'), reply)
  }
  const job = await lookup.require(jobId)
  return reply.code(201).header('location', location).send(statusInfoOf(job, rootOf(request, request.params.workspace)))
}

export function sendResults({ status, headers, body }: ResultsAnswer, reply: FastifyReply): unknown {
  const { link: earlier } = reply.getHeaders()
  const link = [earlier, headers['link']].filter((each) => each !== undefined).join(', ')
  void reply.code(status).headers({ ...headers, ...(link === '' ? {} : { link }) })
  return reply.send(body ?? undefined)
}
