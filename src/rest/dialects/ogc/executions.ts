/** Executions of processes: jobs of one operation, and what came of them. */
import type { Job } from '../../../domain/job.ts'
import { PRIORITY_DEFAULT } from '../../../domain/share.ts'
import { processPath } from '../../../inventory/process-handles.ts'
import type { OfferedProcess } from '../../../inventory/process-index.ts'
import type { OperationReport } from '../../../results/result-event.ts'
import { clip, Refusal } from '../../errors.ts'
import { formatInstant } from '../../instant.ts'
import { takeAtHand } from '../../jobs/job-at-hand.ts'
import type { JobIntake, JobRequest, TakenJob } from '../../jobs/job-intake.ts'
import type { EndedJob, JobResults } from '../../jobs/job-results.ts'
import { lastWords } from '../../jobs/last-words.ts'
import { operationValue } from '../../processes/execution-unit.ts'
import { declaredIn, type ProcessSchemas } from '../../processes/process-schemas.ts'
import { OgcRefusal } from './exceptions.ts'
import { type ExecuteBody, type ResponseForm, SUBSCRIBER_URIS } from './execute-schemas.ts'
import { type ExecutionData, executionDataOf } from './execution-data.ts'
import { DIALECT } from './job-mapping.ts'
import { outputsOf } from './outputs.ts'
import type { ProcessLookup } from './process-lookup.ts'
import { type ResultsAnswer, resultsAnswer } from './results-answer.ts'

export interface ExecutionRequest {
  readonly workspace: string
  readonly process: OfferedProcess
  readonly body: ExecuteBody
  /** What links of the base begin with. */
  readonly root: string
  readonly idempotencyKey: string | null
  readonly submittedBy: string | null
  readonly traceparent: string | null
  /** The client's bearer token, for producers. */
  readonly authorization: string | null
}

export interface ExecutionsOptions {
  readonly intake: JobIntake
  readonly results: JobResults
  readonly schemas: ProcessSchemas
  readonly processes: ProcessLookup
}

const OPERATION_ID = 'execution'
const JSON_TYPE = 'application/json'

export class Executions {
  readonly #options: ExecutionsOptions

  constructor(options: ExecutionsOptions) {
    this.#options = options
  }

  /** Resolves once the job is durable. Throws a 400 on inputs and outputs that the process does not have, and as JobIntake.take does. */
  start(request: ExecutionRequest): Promise<TakenJob> {
    const { intake, schemas } = this.#options
    const { workspace, process, body, root } = request
    const inputs = schemas.inputsOf(process).read(body.inputs ?? {})
    requireOutputs(body, process)
    const data: ExecutionData = { processID: process.id, root, response: body.response, outputs: body.outputs }
    const operation = {
      ...{ operationId: OPERATION_ID, op: 'action' as const, path: `${processPath(process.id)}#execute` },
      ...{ value: operationValue(process, inputs, body.outputs), options: null },
    }
    const { submittedBy, traceparent, idempotencyKey, authorization } = request
    const asked: JobRequest = {
      ...{ tenant: workspace, dialect: DIALECT, dialectData: JSON.stringify(data), kind: 'WRITE', strict: false, authorization },
      ...{ jobId: null, idempotencyKey, destination: null, dataAcceptType: JSON_TYPE, dataContentType: JSON_TYPE },
      ...{ priority: PRIORITY_DEFAULT, labels: {}, deadlineAt: null, attemptsMax: null, submittedBy, traceparent },
      ...{ callbacks: callbacksOf(body), callbacksField: 'body subscriber', dependencies: [], operationsField: 'inputs' },
    }
    return takeAtHand(intake, asked, [operation])
  }

  /** As {@link resultsOf}. */
  resultsOf(job: Job, formDefault: ResponseForm | 'seed'): Promise<ResultsAnswer> {
    return resultsOf(job, formDefault, this.#options)
  }
}

/**
 * In the form that was asked for, else in that given. Throws a 404 on a job that has not ended, a 410 on one that was dismissed, and the
 * exception that one that failed ended with.
 */
export async function resultsOf(
  job: Job,
  formDefault: ResponseForm | 'seed',
  { results, processes }: { readonly results: JobResults; readonly processes: Pick<ProcessLookup, 'find'> },
): Promise<ResultsAnswer> {
  if (job.state !== 'ended') throw notReady(job)
  if (job.outcome === 'cancelled') throw dismissed(job)
  const report = (await results.of(job)).get(OPERATION_ID)
  if (job.outcome !== 'succeeded') throw failed(job, report)
  if (report === undefined) throw forgotten(job)
  const data = executionDataOf(job)
  const process = processes.find(job.tenant, data.processID ?? '')
  const outputs = outputsOf(report.result, process?.executionUnit ?? null, data.outputs)
  const form = data.response ?? formDefault
  const declared = process === undefined ? {} : declaredIn(process).outputs
  return resultsAnswer(outputs, form, { declared, wanted: data.outputs }, formatInstant(job.finishedAt))
}

function callbacksOf({ subscriber = {} }: ExecuteBody): Record<string, string> {
  const known = SUBSCRIBER_URIS.flatMap((name) => {
    const url = subscriber[name]
    return url === undefined ? [] : [[name, url] as const]
  })
  return Object.fromEntries(known)
}

function requireOutputs({ outputs = {} }: ExecuteBody, process: OfferedProcess): void {
  const declared = declaredIn(process).outputs
  const unknown = Object.keys(outputs).find((name) => !Object.hasOwn(declared, name))
  if (unknown === undefined) return
  const known = Object.keys(declared).map(clip).join(', ')
  throw new Refusal(400, `body outputs.${clip(unknown)} is no output of the process`, { details: `The process has: ${known}.` })
}

function notReady({ jobId }: Job): OgcRefusal {
  const details = 'Ask for its status, and for its results once it is successful.'
  return new OgcRefusal(404, 'result-not-ready', `The job "${clip(jobId)}" has no results yet`, { details })
}

function dismissed({ jobId }: Job): Refusal {
  return new Refusal(410, `The job "${clip(jobId)}" was dismissed`, { details: 'It has no results.' })
}

function forgotten({ jobId, finishedAt }: EndedJob): Refusal {
  const details = `It ended at ${formatInstant(finishedAt)}. The operator decides how long its topic keeps them.`
  return new Refusal(410, `The results of the job "${clip(jobId)}" are kept no longer`, { details })
}

function failed(job: EndedJob, report: OperationReport | undefined): Refusal {
  const { jobId, message } = job
  const details = [report?.statusMessage ?? message ?? '', lastWords(report?.result)].filter((text) => text !== '').join('. ')
  return new Refusal(500, `The job "${clip(jobId)}" has failed`, { details })
}
