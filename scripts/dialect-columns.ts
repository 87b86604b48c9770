/** How each dialect answers for a job and for a subjob: the columns of docs/dialects.md. */
import type { Job } from '../src/domain/job.ts'
import type { SubjobRow } from '../src/read-model/subjob-row.ts'
import { attemptsOf, stateChangesOf, summaryOf, taskStateOf } from '../src/rest/dialects/daggy/run-mapping.ts'
import { entryOf, stepOf } from '../src/rest/dialects/maap/entry-mapping.ts'
import { jobAnswer } from '../src/rest/dialects/ncmp/mapping.ts'
import { subjobAnswer } from '../src/rest/dialects/ncmp/subjob-mapping.ts'
import { statusInfoOf } from '../src/rest/dialects/ogc/job-mapping.ts'
import { DIALECT as SCALE, TENANT } from '../src/rest/dialects/scale/base.ts'
import { executionViewOf, type JobView, jobViewOf, type ReadJob, readJob } from '../src/rest/dialects/scale/job-mapping.ts'
import { rows } from './dialect-samples.ts'

export interface DialectColumn {
  /** As in a job's `dialect`. */
  readonly dialect: string
  readonly title: string
  /** What jobs of the dialect keep for it, in one job and in another. */
  readonly data: readonly [one: string | null, other: string | null]
  readonly jobOf: (job: Job) => object & { readonly status: string }
  /** Null where the dialect has no word for it. */
  readonly subjobOf: ((row: SubjobRow, job: Job) => (object & { readonly status: string }) | null) | null
}

const places = { apiRoot: 'http://service', resultsTopic: 'datajob.results' }
const unknown = { rows: [], reports: new Map(), descriptions: [] }

const unlisted = { type: undefined, batch: null }

export const dialectColumns: readonly DialectColumn[] = [
  {
    ...{ dialect: 'ncmp', title: 'NCMP', data: [null, null] },
    jobOf: (job) => jobAnswer(job, places),
    subjobOf: (row, job) => subjobAnswer(row, { job, unended: new Set(), now: 0 }),
  },
  {
    ...{ dialect: 'ogc', title: 'OGC API – Processes' },
    data: ['{"processID":"echo"}', '{"processID":"other"}'],
    jobOf: (job) => statusInfoOf(job, `http://service/${job.tenant}/ogc-api`),
    subjobOf: null,
  },
  {
    ...{ dialect: 'maap', title: 'MAAP DPS' },
    data: ['{"job_id":"one","job_name":"one","steps":1}', '{"job_id":"other","job_name":"other","steps":2}'],
    jobOf: (job) => entryOf(job, unknown),
    subjobOf: (row, job) => stepOf(job, row.index, { row, report: undefined, description: undefined }),
  },
  {
    ...{ dialect: 'daggy', title: 'daggy' },
    data: ['{"tag":"one","spec":"one"}', '{"tag":"other","spec":"one"}'],
    jobOf: (job) => withStatus({ ...summaryOf(job, []), dagStateChanges: stateChangesOf(job) }),
    subjobOf: (row, job) => withStatus({ state: taskStateOf(job, tried(row)), taskAttempts: attemptsOf(row, []) }),
  },
  {
    ...{ dialect: SCALE, title: 'Scale v6', data: [scaleData('one', 1), scaleData('other', 2)] },
    jobOf: scaleJob,
    subjobOf: scaleExecution,
  },
]

/** What ended without an attempt was refused, which is another thing. */
function tried(row: SubjobRow): SubjobRow {
  const ended = { outcome: 'failed', code: null, message: null } as const
  const attempt = { run: row.run, number: 1, worker: 'w', startedAt: 2_000, endedAt: 3_000, ...ended }
  return row.state === 'ended' && row.attempts.length === 0 ? { ...row, attempts: [attempt] } : row
}

type WithState = Readonly<Record<string, unknown>> & { readonly state: string }

function withStatus({ state, ...others }: WithState): object & { readonly status: string } {
  return { ...others, status: state }
}

function scaleJob(job: Job): JobView {
  const isUnderWay = job.state !== 'accepted' && job.state !== 'ended'
  return jobViewOf(readScale(job, isUnderWay ? (rows['started'] ?? null) : null), unlisted)
}

function scaleExecution(row: SubjobRow, job: Job): JobView | null {
  const read = readScale(job, row)
  const last = read.executions.at(-1)
  return last === undefined ? null : executionViewOf(last, read, undefined)
}

function scaleData(name: string, id: number): string {
  const source = { startedAt: id, endedAt: id, sensorClass: name, sensor: name, collection: name, task: name }
  const type = { id, name, version: name, revision: id, errors: [] }
  return JSON.stringify({ type, input: { files: {}, json: {} }, configuration: {}, batchId: null, source })
}

/** Of any tenant, though jobs of others are not shown. */
function readScale(job: Job, first: SubjobRow | null): ReadJob {
  const read = readJob({ job: { ...job, tenant: TENANT, dialect: SCALE }, first })
  if (read === null) throw new Error('broken invariant: data of a Scale job that can’t be read')
  return read
}
