/** The daggy dialect (contract page "daggy dialect"): graphs of tasks, each a command. */
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { apiRootOf } from '../../api-root.ts'
import { bearerTokenOf, requireClient } from '../../auth.ts'
import { Definitions } from '../../definitions.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { addDialectDocument } from '../../dialect-document.ts'
import { addDialectPage } from '../../dialect-page.ts'
import { clientSecurity } from '../../docs.ts'
import { answerOf, Refusal, type RequestFacts } from '../../errors.ts'
import { InventoryWriter } from '../../inventory-writer.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import { idempotencyKeyOf } from '../../jobs/job-ids.ts'
import type { JobIntake } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { JobResults } from '../../jobs/job-results.ts'
import type { ResultEvents } from '../../jobs/result-events.ts'
import { takeEmptyBodies, takeJsonWithoutType } from '../../json-bodies.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { traceparentOf } from '../../traceparent.ts'
import { GENERATED, READY, RUN, RUNS, SPECS } from './base.ts'
import { errorAnswer, errorOf } from './errors.ts'
import { Runs } from './runs.ts'
import {
  listQuerySchema, readySchema, runIdSchema, runParamsSchema, runSchema, specSchema, stateParamsSchema, stateSchema, summarySchema,
  taskParamsSchema, taskSchema, validationSchema,
} from './schemas.ts'

export interface DaggyOptions {
  readonly deps: ServerDependencies
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly control: JobControl
  readonly results: ResultEvents
}

const TITLE = 'daggy'
const DESCRIPTION = `
A **run** is a graph of **tasks**, each a command that an exec producer runs once all tasks that it comes after are COMPLETED. A task with
parameters has an instance for each combination of their values. Every error has the body \`{error}\`.
`
const TAGS = [{ name: 'Run', description: 'A graph of tasks, while it runs and after.' }, { name: 'Task', description: 'One of them.' }]

/** What is wrong with a body has nothing to do with the rest of its request. */
const NO_FACTS: RequestFacts = {
  ...{ unknownParameters: [], knownParameters: [], contentLength: undefined, contentType: undefined, bodyBytesMax: 0 },
}

const away = errorAnswer('It can’t be said now; Retry-After says when to ask again', new Refusal(503, 'Kafka cannot be reached'))
const bad = errorAnswer('The request is not as it should be', new Refusal(400, 'There are no tasks'))
const noRun = errorAnswer('There is no such run', new Refusal(404, 'There is no run 7'))
const noTask = errorAnswer('There is no such run or task', new Refusal(404, 'The run 7 has no task "simple_3"'))
const ended = errorAnswer('The run has ended otherwise', new Refusal(409, 'The run 7 can\'t be cancelled any more: all of it has ended'))
const taskEnded = errorAnswer('The task has ended otherwise', new Refusal(409, 'The task "simple_0" of the run 7 has ended'))
const notEnded = errorAnswer('It can’t be done with the run as it is', new Refusal(409, 'The run 7 has not ended, and is RUNNING'))

export async function addDaggyRoutes(app: FastifyInstance, options: DaggyOptions): Promise<void> {
  const { deps, intake, lookup, control, results: events } = options
  const writer = new InventoryWriter(deps)
  const definitions = new Definitions({ deps, writer, place: SPECS })
  const generated = new Definitions({ deps, writer, place: GENERATED })
  const results = new JobResults(deps, events)
  const runs = new Runs({ deps, definitions, generated, intake, lookup, control, results })
  await app.register(async (scope) => {
    scope.setSerializerCompiler(() => JSON.stringify)
    takeJsonWithoutType(scope)
    takeEmptyBodies(scope)
    await addDialectDocument(scope, { title: TITLE, description: DESCRIPTION, tags: TAGS, prefix: '' }, deps)
    addReady(scope)
    await scope.register(async (guarded) => {
      guarded.addHook('onRequest', requireClient(deps.auth))
      addDescription(guarded, deps)
      addRuns(guarded, deps, runs)
      addChanges(guarded, deps, runs)
      addTasks(guarded, deps, runs)
      await Promise.resolve()
    })
  })
}

function addReady(app: FastifyInstance): void {
  app.withTypeProvider<TypeBoxTypeProvider>().get(READY, {
    schema: {
      ...{ tags: ['Run'], operationId: 'ready', summary: 'Whether it answers', querystring: noQuerySchema },
      response: { 200: answer(readySchema, 'It does'), 400: bad },
    },
    handler: () => ({ msg: 'Ya like DAGs?' }),
  })
}

function addDescription(app: FastifyInstance, { apiRoot }: ServerDependencies): void {
  app.get(`${RUNS}/api`, {
    schema: { hide: true, querystring: noQuerySchema, response: { 200: Type.Object({}, { additionalProperties: true }) } },
    handler: (request) => ({ ...app.dialectDocument(), servers: [{ url: apiRootOf(request, apiRoot) }] }),
  })
  void app.register((page, _options, done) => {
    addDialectPage(page, { title: TITLE })
    done()
  }, { prefix: RUNS })
}

function addRuns(app: FastifyInstance, { auth }: ServerDependencies, runs: Runs): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const common = { tags: ['Run'], security: clientSecurity(auth) }
  scope.get(RUNS, {
    schema: {
      ...{ ...common, operationId: 'list_runs', summary: 'List the runs, the newest first', querystring: listQuerySchema },
      response: { 200: answer(Type.Array(summarySchema), 'Those that have not ended, or all'), 400: bad, 503: away },
    },
    handler: (request) => runs.list(request.query),
  })
  // Numbers for texts, or a text for a list of one, are not what a specification may hold.
  const validatorCompiler = TypeBoxValidatorCompiler
  scope.post(RUN, {
    validatorCompiler,
    schema: {
      ...{ ...common, operationId: 'submit_run', summary: 'Run a specification', querystring: noQuerySchema, body: specSchema },
      description: 'The same `Idempotency-Key` never makes a second run.',
      response: { 200: answer(runIdSchema, 'It is accepted'), 400: bad, 503: away },
    },
    handler: async (request) => {
      const { jobId, runID } = await runs.submit(request.body, {
        ...{ submittedBy: request.principal, idempotencyKey: idempotencyKeyOf(request) },
        ...{ traceparent: traceparentOf(request.headers.traceparent), authorization: bearerTokenOf(request) },
      })
      request.jobId = jobId
      return { runID }
    },
  })
  scope.post(`${RUN}/validate`, {
    ...{ validatorCompiler, attachValidation: true },
    schema: {
      ...{ ...common, operationId: 'validate_run', summary: 'Say whether a specification could be run' },
      ...{ querystring: noQuerySchema, body: specSchema },
      response: { 200: answer(validationSchema, 'Whether, and why not'), 400: bad, 503: away },
    },
    handler: async (request) => {
      const { validationError } = request
      if (validationError !== undefined) {
        if (validationError.validationContext !== 'body') throw validationError
        return { valid: false, ...errorOf(answerOf(validationError, NO_FACTS)) }
      }
      try {
        await runs.check(request.body)
        return { valid: true }
      } catch (error) {
        if (error instanceof Refusal && error.status !== 503) return { valid: false, ...errorOf(error) }
        throw error
      }
    },
  })
  scope.get(`${RUN}/:runid`, {
    schema: {
      ...{ ...common, operationId: 'get_run', summary: 'Show a run', params: runParamsSchema, querystring: noQuerySchema },
      response: { 200: answer(runSchema, 'All of it'), 400: bad, 404: noRun, 503: away },
    },
    handler: (request) => runs.get(request.params.runid),
  })
  scope.get(`${RUN}/:runid/state`, {
    schema: {
      ...{ ...common, operationId: 'get_run_state', summary: 'Show the state of a run' },
      ...{ params: runParamsSchema, querystring: noQuerySchema },
      response: { 200: answer(stateSchema, 'The state'), 400: bad, 404: noRun, 503: away },
    },
    handler: async (request) => ({ state: await runs.stateOf(request.params.runid) }),
  })
}

function addChanges(app: FastifyInstance, { auth }: ServerDependencies, runs: Runs): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const common = { tags: ['Run'], security: clientSecurity(auth), querystring: noQuerySchema }
  scope.delete(`${RUN}/:runid`, {
    schema: {
      ...{ ...common, operationId: 'kill_run', summary: 'Kill a run', params: runParamsSchema },
      description: 'What was not begun never is; what runs is ended. Asked for twice, it is answered twice.',
      response: { 200: Type.Null({ description: 'It is killed' }), 400: bad, 404: noRun, 409: ended, 503: away },
    },
    handler: async (request, reply) => {
      await runs.kill(request.params.runid, request.principal)
      return reply.code(200).serializer(() => '').send(null)
    },
  })
  scope.patch(`${RUN}/:runid/state/:state`, {
    schema: {
      ...{ ...common, operationId: 'set_run_state', summary: 'Kill a run, pause it, or resume it', params: stateParamsSchema },
      description: `
QUEUED resumes a run: one that is PAUSED goes on; of one that is ERRORED or KILLED, what is COMPLETED is kept, and the rest is queued again.
PAUSED begins no more tasks; those that run go on. KILLED kills it.
`,
      response: { 200: answer(runIdSchema, 'It is done'), 400: bad, 404: noRun, 409: notEnded, 503: away },
    },
    handler: async (request) => {
      const { runid: runID, state } = request.params
      if (state === 'QUEUED') await runs.resume(runID, { requestedBy: request.principal, authorization: bearerTokenOf(request) })
      else if (state === 'KILLED') await runs.kill(runID, request.principal)
      else if (state === 'PAUSED') await runs.pause(runID, request.principal)
      else {
        await runs.require(runID)
        throw new Refusal(400, `A run can't be set to ${state}`, { details: 'Possible are QUEUED, PAUSED and KILLED.' })
      }
      return { runID }
    },
  })
}

function addTasks(app: FastifyInstance, { auth }: ServerDependencies, runs: Runs): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const common = { tags: ['Task'], security: clientSecurity(auth), params: taskParamsSchema, querystring: noQuerySchema }
  scope.get(`${RUN}/:runid/task/:taskName`, {
    schema: {
      ...{ ...common, operationId: 'get_task', summary: 'Show what a task is' },
      response: { 200: answer(taskSchema, 'The task'), 400: bad, 404: noTask, 503: away },
    },
    handler: (request) => runs.task(request.params.runid, request.params.taskName),
  })
  scope.get(`${RUN}/:runid/task/:taskName/state`, {
    schema: {
      ...{ ...common, operationId: 'get_task_state', summary: 'Show the state of a task' },
      response: { 200: answer(stateSchema, 'The state'), 400: bad, 404: noTask, 503: away },
    },
    handler: async (request) => ({ state: await runs.taskState(request.params.runid, request.params.taskName) }),
  })
  scope.delete(`${RUN}/:runid/task/:taskName`, {
    schema: {
      ...{ ...common, operationId: 'kill_task', summary: 'Kill a task' },
      description: 'The run goes on without it: what comes after it is not run. Asked for twice, it is answered twice.',
      response: { 200: Type.Null({ description: 'It is killed' }), 400: bad, 404: noTask, 409: taskEnded, 503: away },
    },
    handler: async (request, reply) => {
      await runs.killTask(request.params.runid, request.params.taskName, request.principal)
      return reply.code(200).send(null)
    },
  })
}
