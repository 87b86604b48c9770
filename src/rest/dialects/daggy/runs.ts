/** Runs: jobs of steps, whose commands an exec producer runs. */
import { createHash } from 'node:crypto'
import type { Job } from '../../../domain/job.ts'
import type { Operation } from '../../../domain/operation.ts'
import { PRIORITY_DEFAULT } from '../../../domain/share.ts'
import { definitionPath } from '../../../inventory/definition-handles.ts'
import type { SubjobPage } from '../../../read-model/port.ts'
import type { SubjobRow } from '../../../read-model/subjob-row.ts'
import type { OperationReport } from '../../../results/result-event.ts'
import { GENERATIONS_MAX } from '../../../stages/coordinator/generated-steps.ts'
import type { Definitions } from '../../definitions.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../../errors.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import { takeAtHand } from '../../jobs/job-at-hand.ts'
import { chooseJobId } from '../../jobs/job-ids.ts'
import type { JobIntake, JobRequest } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import type { JobResults } from '../../jobs/job-results.ts'
import { reportedRuns } from '../../jobs/run-reports.ts'
import { DIALECT, SPECS, TENANT } from './base.ts'
import { type Expansion, expand, expandGenerated, type NamedTask, SpecFault } from './expansion.ts'
import type { Generated } from './generation.ts'
import {
  attemptsOf, type RunData, runDataOf, runStateOf, stateChangesOf, summaryOf, taskStateOf,
} from './run-mapping.ts'
import type { DagRun, ListQuery, RunSummary, Spec, State, Task } from './schemas.ts'
import { type RunTasks, runTasks } from './run-tasks.ts'
import { taskValue } from './task-value.ts'

export interface RunsOptions {
  readonly deps: Pick<ServerDependencies, 'inventory' | 'limits' | 'execService' | 'checkUnit' | 'clock'>
  readonly definitions: Definitions
  /** What generators have printed. */
  readonly generated: Pick<Definitions, 'find'>
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly control: JobControl
  readonly results: JobResults
}

export interface Submitter {
  readonly submittedBy: string | null
  readonly idempotencyKey: string | null
  readonly traceparent: string | null
  /** The client's bearer token, for producers. */
  readonly authorization: string | null
}

const JSON_TYPE = 'application/json'
const ROWS_MAX = 1_000
const JOBS_MAX = 200
/** Runs that a list looks at: the newest. */
const LISTED_MAX = 10_000
/** Definitions whose first instance the exec producer is asked about, beside those that ask for most. */
const CHECKED_MAX = 20

export class Runs {
  readonly #options: RunsOptions

  constructor(options: RunsOptions) {
    this.#options = options
  }

  /** Throws a 400 on a specification that can't be run, a 503 when that can't be said now. */
  async check(spec: Spec): Promise<Expansion> {
    const expansion = checked(spec)
    for (const task of tasksToCheck(expansion)) await this.#requireRunnable(task)
    return expansion
  }

  /** Resolves to the run's id once it is durable. Throws as {@link check} and JobIntake.take do. */
  async submit(spec: Spec, { idempotencyKey, ...submitter }: Submitter): Promise<{ readonly jobId: string; readonly runID: number }> {
    const { tasks, groups } = await this.check(spec)
    const { deps, definitions, intake, lookup } = this.#options
    const { jobId } = chooseJobId({ tenant: TENANT, jobId: null, idempotencyKey }, deps.clock)
    // The same specification is kept once, however often it is run.
    const id = createHash('sha256').update(JSON.stringify(spec)).digest('hex')
    if ((await definitions.find(id))?.service !== deps.execService) {
      await definitions.register({ id, document: spec, service: deps.execService })
    }
    const path = `${definitionPath({ ...SPECS, id, part: 0 })}#run`
    const operations = tasks.map((each): Operation => {
      return { operationId: each.name, op: 'action', path, value: taskValue(each), options: null }
    })
    const data: RunData = { tag: spec.tag, spec: id }
    const request: JobRequest = {
      ...{ ...submitter, tenant: TENANT, dialect: DIALECT, dialectData: JSON.stringify(data), kind: 'WRITE', strict: false },
      ...{ jobId, destination: null, dataAcceptType: JSON_TYPE, dataContentType: JSON_TYPE, priority: PRIORITY_DEFAULT },
      ...{ labels: {}, deadlineAt: null, attemptsMax: null, operationsField: 'tasks', dependencies: [], idempotencyKey: null, groups },
    }
    await takeAtHand(intake, request, operations)
    return { jobId, runID: (await lookup.require(jobId)).number }
  }

  /** The newest first. */
  async list({ all = '0', tag }: ListQuery): Promise<RunSummary[]> {
    const { lookup } = this.#options
    await lookup.settle()
    const statuses = all === '1' ? [] : (['accepted', 'running', 'cancelling', 'concluding'] as const)
    const shown: RunSummary[] = []
    for (let offset = 0; offset < LISTED_MAX; offset += JOBS_MAX) {
      const { items } = await lookup.list({ tenant: TENANT, dialect: DIALECT, statuses }, { offset, limit: JOBS_MAX })
      for (const job of items) if (tag === undefined || runDataOf(job).tag === tag) shown.push(await this.#summaryOf(job))
      if (items.length < JOBS_MAX) break
    }
    return shown
  }

  /** Throws a 404. */
  async get(runID: number): Promise<DagRun> {
    const job = await this.require(runID)
    const { tasks, operationIds } = await this.#tasksOf(job)
    const rows = await this.#rowsOf(job)
    const reports = await this.#reportsOf(job, rows)
    const rowAt = new Map(rows.map((row) => [row.index, row]))
    const names = [...tasks.keys()]
    const each = <T>(what: (operationId: string, row: SubjobRow | undefined) => T): Record<string, T> => {
      return Object.fromEntries(names.map((name, index) => [name, what(operationIds[index] ?? name, rowAt.get(index))]))
    }
    return {
      runID,
      tag: runDataOf(job).tag,
      tasks: Object.fromEntries(tasks),
      taskStates: each((_, row) => taskStateOf(job, row)),
      taskAttempts: each((id, row) => (row === undefined ? [] : attemptsOf(row, reports.get(id) ?? []))),
      dagStateChanges: stateChangesOf(job),
    }
  }

  async stateOf(runID: number): Promise<State> {
    return runStateOf(await this.require(runID))
  }

  /** Throws a 404 on an unknown run or task. */
  async task(runID: number, name: string): Promise<Task> {
    const task = (await this.#tasksOf(await this.require(runID))).tasks.get(name)
    if (task === undefined) throw noSuchTask(runID, name)
    return task
  }

  /** The same. */
  async taskState(runID: number, name: string): Promise<State> {
    const { job, row } = await this.#taskOf(runID, name)
    return taskStateOf(job, row)
  }

  /**
   * Resolves once it is being killed, or was. Throws a 404 on an unknown run or task, a 409 on one that has ended otherwise, a 503 while
   * the run is still read.
   */
  async killTask(runID: number, name: string, requestedBy: string | null): Promise<void> {
    const { job, index, row } = await this.#taskOf(runID, name)
    const state = taskStateOf(job, row)
    if (state === 'KILLED') return
    if (row === undefined) throw unavailable(`The run ${runID} is still being read: no task has begun`, { retryAfterS: RETRY_AFTER_S })
    if (row.state === 'ended') {
      throw new Refusal(409, `The task "${clip(name)}" of the run ${runID} has ended`, { details: `It is ${state}.` })
    }
    await saidOfRun(job, this.#options.control.cancelSubjob({ jobId: job.jobId, index }, requestedBy))
  }

  /** Resolves once it is being killed, or was. Throws a 404, a 409 on one that has ended otherwise. */
  async kill(runID: number, requestedBy: string | null): Promise<void> {
    const job = await this.require(runID)
    await saidOfRun(job, this.#options.control.cancel(job.jobId, { requestedBy }))
  }

  /** Resolves once nothing more of it is begun. Throws a 404, a 409 on one that has ended. */
  async pause(runID: number, requestedBy: string | null): Promise<void> {
    const job = await this.require(runID)
    await saidOfRun(job, this.#options.control.hold(job.jobId, { requestedBy }))
  }

  /** Resolves once what was not completed is queued again. Throws a 404, a 409 on a run that is not PAUSED, ERRORED or KILLED. */
  async resume(runID: number, requester: { readonly requestedBy: string | null; readonly authorization: string | null }): Promise<void> {
    const job = await this.require(runID)
    const isPaused = runStateOf(job) === 'PAUSED'
    if (job.state !== 'ended' && !isPaused) {
      const details = 'A run is resumed when it is PAUSED, and once it is ERRORED or KILLED and nothing of it runs.'
      throw new Refusal(409, `The run ${runID} has not ended, and is ${runStateOf(job)}`, { details })
    }
    const isWhole = job.subjobs.total === job.operations.total
    if (!isPaused && !isWhole) throw new Refusal(409, `The run ${runID} was not read as a whole: submit it again`)
    // One whose tasks were all killed while it was paused would rest paused.
    const { control } = this.#options
    if (job.held) await saidOfRun(job, control.release(job.jobId, { requestedBy: requester.requestedBy, callbacks: {} }))
    if (!isPaused) await saidOfRun(job, control.retry(job.jobId, requester))
  }

  /** Throws a 404. */
  async require(runID: number): Promise<Job> {
    const job = await this.#options.lookup.byNumber(runID)
    if (job?.dialect !== DIALECT || job.tenant !== TENANT) throw new Refusal(404, `There is no run ${runID}`)
    return job
  }

  /** Its row is undefined as long as nothing is known of it. */
  async #taskOf(runID: number, name: string): Promise<{ readonly job: Job; readonly index: number; readonly row: SubjobRow | undefined }> {
    const job = await this.require(runID)
    const index = [...(await this.#tasksOf(job)).tasks.keys()].indexOf(name)
    if (index === -1) throw noSuchTask(runID, name)
    const { items } = await this.#options.lookup.subjobs(job.jobId, { limit: 1, after: index === 0 ? null : index - 1 })
    return { job, index, row: items.find((row) => row.index === index) }
  }

  async #summaryOf(job: Job): Promise<RunSummary> {
    return summaryOf(job, await this.#rowsOf(job, ['planned', 'started', 'waiting', 'failed', 'partiallyFailed', 'cancelled']))
  }

  async #rowsOf({ jobId }: Job, statuses: Parameters<JobLookup['subjobs']>[1]['statuses'] = []): Promise<readonly SubjobRow[]> {
    const rows: SubjobRow[] = []
    let after: number | null = null
    do {
      const page: SubjobPage = await this.#options.lookup.subjobs(jobId, { limit: ROWS_MAX, after, statuses })
      rows.push(...page.items)
      after = page.next
    } while (after !== null)
    return rows
  }

  async #tasksOf(job: Job): Promise<RunTasks> {
    const { definitions, generated } = this.#options
    const gone = new Refusal(404, `The specification of the run ${job.number} is gone`)
    const definition = await definitions.find(runDataOf(job).spec)
    if (definition === undefined) throw gone
    const spec = JSON.parse(definition.document) as Spec
    const printed = await Promise.all(job.generated.map(async ({ step, source }) => {
      const kept = await generated.find(source)
      if (kept === undefined) throw gone
      return { generator: step, expansion: expandGenerated((JSON.parse(kept.document) as Generated).tasks, spec.parameters) }
    }))
    return runTasks(expand(spec), printed)
  }

  /** Throws a 503 where they can't be read now. */
  async #reportsOf(job: Job, rows: readonly SubjobRow[]): Promise<ReadonlyMap<string, readonly OperationReport[]>> {
    const ends = rows.flatMap(({ attempts }) => attempts.map(({ endedAt }) => endedAt))
    if (ends.length === 0) return new Map()
    try {
      return await this.#options.results.historyOf(job, { ends, reports: rows.reduce((sum, row) => sum + reportedRuns(row), 0) })
    } catch (error) {
      // The topic is gone, or holds too much: how each attempt ended is known all the same.
      if (error instanceof Refusal && error.status !== 503) return new Map()
      throw error
    }
  }

  async #requireRunnable(task: NamedTask): Promise<void> {
    const { inventory, execService: name, checkUnit, limits } = this.#options.deps
    const service = inventory.service(name)
    if (service === undefined) throw new Refusal(400, `The DMI service "${clip(name)}" that runs commands is not registered`)
    const check = await checkUnit(service, taskValue(task), limits.unitCheckMs)
    if (check.type === 'refused') throw new Refusal(400, `The task "${clip(task.name)}" can’t run`, { details: check.reason })
    if (check.type === 'runs') return
    const details = `The DMI service "${clip(name)}": ${check.reason}`
    throw unavailable('Whether the tasks can run is not known now', { retryAfterS: RETRY_AFTER_S, details })
  }
}

function tasksToCheck({ tasks, groups }: Expansion): ReadonlySet<NamedTask> {
  const firsts: NamedTask[] = []
  let first = 0
  for (const { operations } of groups) {
    firsts.push(...tasks.slice(first, first + 1))
    first += operations
  }
  const demandOf = ({ task: { job } }: NamedTask, what: 'cores' | 'memoryMB'): number => Number(job[what] ?? 0)
  const most = (['cores', 'memoryMB'] as const).map((what) => {
    return firsts.reduce((known, task) => (demandOf(task, what) > demandOf(known, what) ? task : known))
  })
  return new Set([...firsts.slice(0, CHECKED_MAX), ...most])
}

function checked(spec: Spec): Expansion {
  try {
    const expansion = expand(spec)
    const generators = expansion.tasks.filter(({ task }) => task.isGenerator).length
    if (generators > GENERATIONS_MAX) throw new SpecFault(`${generators} tasks are generators, and ${GENERATIONS_MAX} may be`)
    for (const each of expansion.tasks) taskValue(each)
    return expansion
  } catch (error) {
    throw error instanceof SpecFault ? new Refusal(400, error.message) : error
  }
}

function noSuchTask(runID: number, name: string): Refusal {
  return new Refusal(404, `The run ${runID} has no task "${clip(name)}"`)
}

/** Why a job can't be steered, said of the run that it is. */
async function saidOfRun({ jobId, number }: Job, done: Promise<unknown>): Promise<void> {
  try {
    await done
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const message = error.message.replace(`job "${jobId}"`, `run ${number}`).replace(`"${jobId}"`, `the run ${number}`)
    throw new Refusal(error.status, message, { details: error.details, headers: error.headers, cause: error })
  }
}
