/** What subscribers of executions are told (OGC 18-062r2, 7.11.2.4 and 8.6). */
import type { CallbackBody } from '../../../callbacks/callback-calls.ts'
import type { Job } from '../../../domain/job.ts'
import type { CallbackQueued, JobNotice } from '../../../domain/messages.ts'
import type { CallbackRule } from '../../../stages/notifier/callback-delivery.ts'
import { Refusal } from '../../errors.ts'
import type { JobResults } from '../../jobs/job-results.ts'
import { exceptionOf } from './exceptions.ts'
import type { SubscriberUri } from './execute-schemas.ts'
import { executionDataOf } from './execution-data.ts'
import { resultsOf } from './executions.ts'
import { statusInfoOf } from './job-mapping.ts'
import type { ProcessLookup } from './process-lookup.ts'

/** Of a job, one after the other: that it runs, and how it ended. */
export const ogcCallbackRule: CallbackRule = ({ job, report }) => {
  const kind = report === null ? kindOf(job) : null
  const url = kind === null ? undefined : job.callbacks[kind]
  if (kind === null || url === undefined) return []
  const { jobId, run } = job
  return [{ id: `${jobId}/${run}/${kind}`, line: jobId, url, kind }]
}

function kindOf(job: Job): SubscriberUri | null {
  switch (job.state) {
    case 'running':
      return 'inProgressUri'
    case 'ended':
      return job.outcome === 'succeeded' ? 'successUri' : 'failedUri'
    default:
      return null
  }
}

const JSON_TYPE = 'application/json'

export class OgcCallbackBodies {
  readonly #options: { readonly results: JobResults; readonly processes: Pick<ProcessLookup, 'find'> }

  constructor(options: { readonly results: JobResults; readonly processes: Pick<ProcessLookup, 'find'> }) {
    this.#options = options
  }

  /** The status, the results in the form that was asked for, or the exception. Rejects where results can't be read now. */
  async of({ kind }: CallbackQueued, { job }: JobNotice): Promise<CallbackBody> {
    const root = executionDataOf(job).root ?? ''
    if (kind === 'inProgressUri') return json(statusInfoOf(job, root))
    try {
      const { headers, body } = await resultsOf(job, 'document', this.#options)
      const { 'content-type': contentType = JSON_TYPE, ...others } = headers
      return { contentType, headers: others, body: body ?? Buffer.alloc(0) }
    } catch (error) {
      if (kind === 'successUri' || !(error instanceof Refusal)) throw error
      return json(exceptionOf(error, `${root}/jobs/${encodeURIComponent(job.jobId)}/results`))
    }
  }
}

function json(value: object): CallbackBody {
  return { contentType: JSON_TYPE, body: Buffer.from(JSON.stringify(value)) }
}
