/** One batch of changes to the rows, within a transaction. */
import { decideJob, evolveJob, type Job } from '../domain/job.ts'
import type { SubjobNews, SubjobsPlanned } from '../domain/messages.ts'
import { type RowBatch, type RowChange, statusOf, type VersionedJob } from './port.ts'
import { facetValues, FORGET_FACETS, HAS_FACETS, PUT_FACETS } from './job-facets.ts'
import type { DialectColumns } from './sqlite-schema.ts'
import type { Statements } from './sqlite-statements.ts'
import { foldPlannedSubjob, foldSubjobEvent, type SubjobRow } from './subjob-row.ts'

interface HeldRow {
  /** Undefined as long as nothing is known of the subjob. */
  row: SubjobRow | undefined
  isChanged: boolean
}

/** A part of a large job plans thousands. */
const HELD_ROWS_MAX = 4_000

export class SqliteBatch {
  readonly #statements: Statements
  readonly #columns: DialectColumns
  /** Subjobs by job and index. Each is read once and written once, however often the batch changes it. */
  readonly #subjobs = new Map<string, Map<number, HeldRow>>()
  #heldRows = 0
  /** Jobs of which something may have changed that lists search by. */
  readonly #touched = new Set<string>()
  /** When a job was forgotten, as far as the batch has asked; -1 for one that was not. */
  readonly #forgottenAt = new Map<string, number>()

  constructor(statements: Statements, columns: DialectColumns) {
    this.#statements = statements
    this.#columns = columns
  }

  apply({ changes, positions }: RowBatch): void {
    for (const change of changes) this.#change(change)
    this.#writeSubjobs()
    for (const jobId of this.#touched) this.#writeFacets(jobId)
    for (const { topic, partition, offset } of positions) {
      this.#statements.run('INSERT OR REPLACE INTO positions VALUES (?, ?, ?)', topic, partition, offset)
    }
  }

  #change(change: RowChange): void {
    switch (change.type) {
      case 'AcceptJob':
        if (!this.#isForgotten(change.job.jobId, change.at)) this.#writeJob(INSERT_JOB, { job: change.job, version: 0 })
        return
      case 'PutJob':
        this.#putJob(change)
        return
      case 'ForgetJob':
        this.#statements.run('DELETE FROM jobs WHERE job_id = ?', change.jobId)
        this.#statements.run('DELETE FROM subjobs WHERE job_id = ?', change.jobId)
        this.#statements.run(FORGET_FACETS, change.jobId)
        this.#statements.run('INSERT OR REPLACE INTO forgotten VALUES (?, ?)', change.jobId, change.at)
        this.#forgottenAt.set(change.jobId, change.at)
        this.#subjobs.delete(change.jobId)
        return
      case 'CancelJob':
        this.#cancelJob(change)
        return
      case 'PlanSubjobs':
        if (!this.#isForgotten(change.event.jobId, change.at)) this.#planSubjobs(change.event)
        return
      case 'FoldSubjobEvent':
        if (!this.#isForgotten(change.event.jobId, change.at)) this.#foldSubjobEvent(change.event)
        return
      case 'SealForgotten':
        this.#statements.run('DELETE FROM forgotten WHERE forgotten_at < ?', change.before)
        return
      default:
        change satisfies never
    }
  }

  // Most changes of a job are to its counts; then no index need be touched.
  #putJob({ job, version }: VersionedJob): void {
    const { jobId, number, createdAt, dialect } = job
    const isFaceted = dialect === this.#columns.facetedDialect
    if (isFaceted) this.#touched.add(jobId)
    const indexed = [statusOf(job), number, createdAt, startedAtOf(job), finishedAtOf(job)] as const
    const updated = this.#statements.run(UPDATE_COUNTS, version, JSON.stringify(job), jobId, ...indexed)
    if (updated > 0) return
    this.#writeJob(UPSERT_JOB, { job: this.#asCancelled(job), version })
    // Compaction may have taken the end of a job of the same id and another dialect.
    if (!isFaceted) this.#statements.run(FORGET_FACETS, jobId)
  }

  // What the coordinator said before it knew of the request comes later here.
  #asCancelled(job: Job): Job {
    const document = this.#statements.documents("SELECT document FROM jobs WHERE job_id = ? AND status = 'cancelling'", job.jobId)[0]
    const known = document === undefined ? null : (JSON.parse(document) as Job)
    if (known?.run !== job.run) return job
    const at = known.milestones.findLast(({ what }) => what === 'cancelled')?.at ?? job.createdAt
    return decideJob(job, { type: 'CancelJob', at }).reduce<Job>(evolveJob, job)
  }

  #writeJob(sql: string, { job, version }: VersionedJob): void {
    const { jobId, number, createdAt, destination, kind, tenant, dialect } = job
    if (dialect === this.#columns.facetedDialect) this.#touched.add(jobId)
    const columns = [jobId, number, createdAt, statusOf(job), destination, kind, tenant, dialect, version] as const
    this.#statements.run(sql, ...columns, JSON.stringify(job), this.#columns.subjectOf(job), startedAtOf(job), finishedAtOf(job))
  }

  #cancelJob({ jobId, at }: Extract<RowChange, { type: 'CancelJob' }>): void {
    const row = this.#statements.of('SELECT version, document FROM jobs WHERE job_id = ?').get(jobId)
    if (row === undefined) return
    const job = JSON.parse(String(row['document'])) as Job
    const cancelled = decideJob(job, { type: 'CancelJob', at }).reduce<Job>(evolveJob, job)
    if (cancelled !== job) this.#putJob({ job: cancelled, version: Number(row['version']) })
  }

  #planSubjobs({ jobId, subjobs, at }: SubjobsPlanned): void {
    for (const planned of subjobs) this.#fold(jobId, planned.index, (known) => foldPlannedSubjob(known, jobId, planned, at))
  }

  #foldSubjobEvent(event: SubjobNews): void {
    this.#fold(event.jobId, event.index, (known) => foldSubjobEvent(known, event))
  }

  #fold(jobId: string, index: number, fold: (known: SubjobRow | undefined) => SubjobRow | undefined): void {
    const held = this.#held(jobId, index)
    const folded = fold(held.row)
    if (folded === held.row) return
    held.row = folded
    held.isChanged = true
  }

  #writeSubjobs(): void {
    for (const [jobId, rows] of this.#subjobs) {
      for (const [index, { row, isChanged }] of rows) {
        if (row === undefined || !isChanged) continue
        const report = row.state === 'started' ? row.report : null
        if (index === 0 && this.#statements.of(HAS_FACETS).get(jobId) !== undefined) this.#touched.add(jobId)
        const points = report === null ? null : report.progress * (row.plan?.operations ?? 0)
        this.#statements.run(PUT_SUBJOB, jobId, index, JSON.stringify(row), report?.at ?? null, points)
      }
    }
    this.#subjobs.clear()
    this.#heldRows = 0
  }

  #writeFacets(jobId: string): void {
    const [document] = this.#statements.documents('SELECT document FROM jobs WHERE job_id = ?', jobId)
    if (document === undefined) return
    const job = JSON.parse(document) as Job
    const [first] = this.#statements.documents('SELECT document FROM subjobs WHERE job_id = ? AND number = 0', jobId)
    const facets = this.#columns.facetsOf(job, first === undefined ? undefined : (JSON.parse(first) as SubjobRow))
    if (facets === null) this.#statements.run(FORGET_FACETS, jobId)
    else this.#statements.run(PUT_FACETS, ...facetValues(job, facets))
  }

  #held(jobId: string, index: number): HeldRow {
    if (this.#heldRows >= HELD_ROWS_MAX) this.#writeSubjobs()
    const rows = this.#subjobs.get(jobId) ?? new Map<number, HeldRow>()
    this.#subjobs.set(jobId, rows)
    const known = rows.get(index)
    if (known !== undefined) return known
    const document = this.#statements.documents('SELECT document FROM subjobs WHERE job_id = ? AND number = ?', jobId, index)[0]
    const held = { row: document === undefined ? undefined : (JSON.parse(document) as SubjobRow), isChanged: false }
    rows.set(index, held)
    this.#heldRows += 1
    return held
  }

  #isForgotten(jobId: string, at: number): boolean {
    const known = this.#forgottenAt.get(jobId)
    if (known !== undefined) return known >= at
    const row = this.#statements.of('SELECT forgotten_at FROM forgotten WHERE job_id = ?').get(jobId)
    const forgottenAt = row === undefined ? -1 : Number(row['forgotten_at'])
    this.#forgottenAt.set(jobId, forgottenAt)
    return forgottenAt >= at
  }
}

function startedAtOf(job: Job): number | null {
  return job.state === 'accepted' ? null : job.startedAt
}

function finishedAtOf(job: Job): number | null {
  return job.state === 'ended' ? job.finishedAt : null
}

const PUT_SUBJOB = 'INSERT OR REPLACE INTO subjobs VALUES (?, ?, ?, ?, ?)'
const UPDATE_COUNTS = `
  UPDATE jobs SET version = ?, document = ?
  WHERE job_id = ? AND status = ? AND number = ? AND created_at = ? AND started_at IS ? AND finished_at IS ?`
const INSERT = 'INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id)'
const INSERT_JOB = `${INSERT} DO NOTHING`
const UPSERT_JOB = `
  ${INSERT} DO UPDATE SET
    number = excluded.number, created_at = excluded.created_at, status = excluded.status, destination = excluded.destination,
    kind = excluded.kind, tenant = excluded.tenant, dialect = excluded.dialect,
    version = excluded.version, document = excluded.document, subject = excluded.subject, started_at = excluded.started_at,
    finished_at = excluded.finished_at`
