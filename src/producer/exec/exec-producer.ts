/**
 * Jobs of commands. What is accepted is on disk first; cores and memory are given to the job that has waited the longest, to
 * no two at a time; what has ended is never begun again.
 */
import { createHash, randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, delay, type TimerHandle, type Timers } from '../../runtime/clock.ts'
import { admit, type Demand } from './allow-list.ts'
import { attemptFolder, jobFolder } from './attempt-folder.ts'
import { type AttemptParts, runAttempt } from './attempt-runner.ts'
import { type Allotment, Capacity } from './capacity.ts'
import type { CommandRun } from './command-run.ts'
import {
  contractStatusOf, decideExecJob, evolveExecJob, type ExecAttempt, type ExecJob, type ExecJobCommand, isOver, newExecJob,
} from './exec-job.ts'
import { type CommandEnd, type ExecResult, NO_TEXT, statusOf, wentWell } from './exec-result.ts'
import type { ExecOperation, ExecStore, StoredJob, StoredResult } from './exec-store.ts'
import { type ReportedProgress, readProgress } from './progress.ts'
import { ProcessTree } from './process-tree.ts'
import type { Publisher } from './publisher.ts'

export interface ExecLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ExecProducerParts {
  readonly store: ExecStore
  readonly attempts: AttemptParts
  readonly publisher: Publisher
  /** Numbers of the processors that commands may run on. */
  readonly processors: readonly number[]
  readonly clock: Clock
  readonly timers: Timers
  readonly log: ExecLog
}

export type Submission =
  | { readonly type: 'accepted'; readonly id: string }
  | { readonly type: 'full' | 'stopping' }

export interface ExecStatus {
  readonly status: ReturnType<typeof contractStatusOf>
  /** 0 to 100, of the whole job. */
  readonly progress: number
  /** What the command says that it is at; empty where it says nothing. */
  readonly message: string
}

/** A job that has not ended. */
interface OpenJob {
  stored: StoredJob
  /** Of the command that runs, as long as it does. */
  run: CommandRun | null
}

const FORGET_MS_MAX = 10_000
const FORGOTTEN_AT_A_TIME = 200

export class ExecProducer {
  readonly #parts: ExecProducerParts
  readonly #capacity: Capacity
  /** What the markers of all attempts in this data folder begin with: those of another producer's are none of ours. */
  readonly #markerPrefix: string
  /** In the order in which they were accepted. */
  readonly #open = new Map<string, OpenJob>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #stopped = new AbortController()
  #isStopping = false
  #forgetting: TimerHandle | null = null
  #accepted = 0
  #duplicates = 0

  constructor(parts: ExecProducerParts) {
    this.#parts = parts
    const { capacity, dataFolder } = parts.attempts.config
    const { cores, memoryMB } = capacity
    this.#markerPrefix = `datajob-${digest(dataFolder).slice(0, 12)}-`
    this.#capacity = new Capacity(parts.processors.slice(0, cores), memoryMB)
  }

  /** Takes up what a former process left: ends what still runs of it, and goes on with what it had not ended. */
  async recover(): Promise<void> {
    const { store, attempts, clock, log } = this.#parts
    const { attemptsMax, dataFolder } = attempts.config
    const left = store.open()
    const groups = attempts.groups?.left((name) => name.startsWith(this.#markerPrefix)) ?? []
    // All at once: what is submitted meanwhile comes behind them, and what it starts is not taken for a leftover.
    for (const stored of left) this.#open.set(stored.id, { stored, run: null })
    for (const { id, job } of left) {
      if (job.state !== 'running') continue
      await this.#endLeftovers(job.attempt.marker)
      log.warn({ job: id, attempt: job.attempt.number }, 'an attempt went with the producer')
      this.#apply(id, { type: 'LoseAttempt', stopped: false, attemptsMax, at: clock.now() })
    }
    for (const marker of groups) await this.#endLeftovers(marker)
    const folders = join(dataFolder, 'work')
    mkdirSync(folders, { recursive: true })
    // Each command's user may pass to its own.
    chmodSync(folders, 0o711)
    const forgotten = readdirSync(folders).filter((id) => store.find(id) === null)
    for (const id of forgotten) await rm(jobFolder(dataFolder, id), { recursive: true, force: true })
    for (const { id } of left) this.#resumePublishing(id)
    this.#forgetting = this.#parts.timers.after(0, this.#forget)
    this.#fill()
  }

  /** Accepts a job that is admitted; the same key names the same job, for as long as it is remembered. */
  submit(key: string | undefined, jobId: string, operations: readonly ExecOperation[]): Submission {
    const { store, clock, attempts, log } = this.#parts
    const { name, jobsMax } = attempts.config
    const id = `${name}-${key === undefined ? randomUUID() : digest(key)}`
    if (store.find(id) !== null) {
      this.#duplicates += 1
      return { type: 'accepted', id }
    }
    if (this.#isStopping) return { type: 'stopping' }
    if (this.#open.size >= jobsMax) return { type: 'full' }
    const stored = store.accept({ id, jobId, acceptedAt: clock.now() }, newExecJob(operations.length), operations)
    this.#accepted += 1
    this.#open.set(id, { stored, run: null })
    log.info({ job: id, dataJob: jobId, operations: operations.length }, 'accepted')
    this.#fill()
    return { type: 'accepted', id }
  }

  async status(id: string): Promise<ExecStatus | null> {
    const stored = this.#find(id)
    if (stored === null) return null
    const { job } = stored
    const current = await this.#progressOf(stored)
    const progress = isOver(job) ? 100 : Math.floor((100 * job.ended + (current?.percent ?? 0)) / job.operations)
    return { status: contractStatusOf(job), progress, message: current?.message ?? '' }
  }

  /** Results so far, or null when there is no such job. */
  results(id: string): { readonly isOver: boolean; readonly results: Iterable<StoredResult> } | null {
    const stored = this.#find(id)
    return stored === null ? null : { isOver: isOver(stored.job), results: this.#parts.store.results(id) }
  }

  /** Whether the job is known. Its command is ended, with all that it started; what is over stays as it is. */
  cancel(id: string): boolean {
    if (this.#find(id) === null) return false
    this.#apply(id, { type: 'CancelJob' })
    this.#open.get(id)?.run?.stop('cancelled', 'it was asked to stop')
    this.#fill()
    return true
  }

  get stats(): object {
    const jobs = [...this.#open.values()].map(({ stored }) => stored.job.state)
    const count = (state: ExecJob['state']): number => jobs.filter((each) => each === state).length
    return {
      name: this.#parts.attempts.config.name,
      ...{ accepted: this.#accepted, duplicates: this.#duplicates },
      ...{ queued: count('queued'), running: count('running'), publishing: count('publishing') },
      free: this.#capacity.free,
      capacity: this.#parts.attempts.config.capacity,
    }
  }

  /** Begins nothing more, waits for what runs, and after a while ends it: it is begun again by whoever starts next. */
  async stop(): Promise<void> {
    const { timers, attempts, store } = this.#parts
    this.#isStopping = true
    this.#forgetting?.cancel()
    const enough = new AbortController()
    const waited = delay(timers, attempts.config.stopSeconds * 1_000, enough.signal).catch(() => undefined)
    await Promise.race([this.#settled(), waited])
    enough.abort()
    this.#stopped.abort(new Error('the producer stops'))
    for (const { run } of this.#open.values()) run?.stop('lost', 'the producer stopped')
    await this.#settled()
    store.close()
  }

  async #settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #find(id: string): StoredJob | null {
    return this.#open.get(id)?.stored ?? this.#parts.store.find(id)
  }

  async #progressOf({ id, job }: StoredJob): Promise<ReportedProgress | null> {
    if (job.state !== 'running') return null
    const { dataFolder } = this.#parts.attempts.config
    return readProgress(attemptFolder(dataFolder, { id, index: job.ended, attempt: job.attempt.number }).progress)
  }

  /** Starts what there is room for. Who is first waits for all that it needs, and those behind it wait with it. */
  #fill(): void {
    const { store, attempts } = this.#parts
    for (const { stored } of this.#open.values()) {
      if (this.#isStopping) return
      if (stored.job.state !== 'queued') continue
      const operation = store.operation(stored.id, stored.job.ended)
      const admission = admit(operation.request, attempts.config)
      // What the list does not admit any more takes no room: its attempt says why.
      const demand: Demand = admission.ok ? admission.demand : { cores: 0, memoryMB: 0, timeoutSeconds: 0, outputBytes: 0 }
      const allotment = this.#capacity.take(demand)
      if (allotment === null) return
      this.#follow(this.#work(stored.id, operation, demand, allotment))
    }
  }

  async #work(id: string, operation: ExecOperation, demand: Demand, allotment: Allotment): Promise<void> {
    const { clock, log, attempts } = this.#parts
    const { job, jobId } = this.#apply(id, { type: 'StartAttempt', marker: `${this.#markerPrefix}${randomUUID()}` })
    if (job.state !== 'running') throw new Error(`broken invariant: job ${id} is ${job.state}, not running`)
    const { number: attempt, marker } = job.attempt
    const about = { job: id, operation: operation.operationId, attempt }
    log.info({ ...about, ...demand }, 'started')
    const onStart = (run: CommandRun): void => {
      this.#started(id, run)
    }
    const end = await runAttempt(attempts, { id, jobId, index: job.ended, attempt, marker, operation, demand, allotment, onStart })
    this.#capacity.giveBack(allotment)
    const open = this.#open.get(id)
    if (open !== undefined) open.run = null
    const { reason, exitCode, message } = end
    log.info({ ...about, reason, exitCode, message }, 'ended')
    if (reason === 'lost') {
      this.#apply(id, { type: 'LoseAttempt', stopped: true, attemptsMax: attempts.config.attemptsMax, at: clock.now() })
      return
    }
    const { job: ended } = this.#apply(id, { type: 'EndCommand', end })
    this.#fill()
    if (ended.state === 'publishing') await this.#publish(id, ended.attempt, ended.end, operation, demand.outputBytes)
  }

  /** A command that was to end before it began ends now. */
  #started(id: string, run: CommandRun): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    open.run = run
    if (open.stored.job.cancelAsked) run.stop('cancelled', 'it was asked to stop')
    if (this.#stopped.signal.aborted) run.stop('lost', 'the producer stopped')
  }

  async #publish(id: string, attempt: ExecAttempt, end: CommandEnd, operation: ExecOperation, outputBytes: number): Promise<void> {
    const { publisher, log } = this.#parts
    const stored = this.#find(id)
    if (stored === null) throw new Error(`broken invariant: job ${id} is not known`)
    const index = stored.job.ended
    const order = { id, jobId: stored.jobId, index, attempt: attempt.number, request: operation.request, end, outputBytes }
    const result = await publisher.publish(order, this.#stopped.signal).catch((error: unknown) => {
      if (this.#stopped.signal.aborted) return null
      log.warn({ job: id, operation: operation.operationId, error: String(error) }, 'its result could not be read')
      return unreadable(end, attempt.number, String(error))
    })
    // Whoever starts next publishes it: that the command has ended is on disk.
    if (result === null) return
    const { statusCode } = statusOf(result)
    log.info({ job: id, operation: operation.operationId, statusCode, files: result.files.length }, 'published')
    this.#apply(id, { type: 'EndOperation', wentWell: wentWell(result) }, { place: index, result })
    this.#fill()
  }

  #resumePublishing(id: string): void {
    const job = this.#open.get(id)?.stored.job
    if (job?.state !== 'publishing') return
    const { store, attempts } = this.#parts
    const operation = store.operation(id, job.ended)
    const admission = admit(operation.request, attempts.config)
    const outputBytes = admission.ok ? admission.demand.outputBytes : attempts.config.limits.outputBytes.default
    this.#follow(this.#publish(id, job.attempt, job.end, operation, outputBytes))
  }

  /** What follows from the command is on disk, with the result if there is one, before anybody hears of it. */
  #apply(id: string, command: ExecJobCommand, about?: { readonly place: number; readonly result: ExecResult }): StoredJob {
    const { store, clock, log } = this.#parts
    const stored = this.#find(id)
    if (stored === null) throw new Error(`broken invariant: job ${id} is not known`)
    const events = decideExecJob(stored.job, command)
    if (events.length === 0) return stored
    const job = events.reduce(evolveExecJob, stored.job)
    const endedAt = isOver(job) ? clock.now() : null
    if (about === undefined) store.save(id, job, endedAt)
    else store.saveResult(id, job, endedAt, about.place, about.result)
    const next = { ...stored, job }
    const open = this.#open.get(id)
    if (open !== undefined) open.stored = next
    if (!isOver(job)) return next
    this.#open.delete(id)
    log.info({ job: id, status: contractStatusOf(job), operations: job.operations, failed: job.failed }, 'over')
    return next
  }

  async #endLeftovers(marker: string): Promise<void> {
    const { groups } = this.#parts.attempts
    await new ProcessTree(this.#parts.attempts, marker, null).kill()
    groups?.remove(marker)
  }

  // Work fails only where the disk does: then the process ends with it, and its commands, for nothing could be kept any more.
  #follow(work: Promise<void>): void {
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
  }

  readonly #forget = (): void => {
    const { store, clock, timers, attempts } = this.#parts
    const { retentionSeconds, dataFolder } = attempts.config
    const ids = store.forget(clock.now() - retentionSeconds * 1_000, FORGOTTEN_AT_A_TIME)
    this.#follow(removeFolders(ids.map((id) => jobFolder(dataFolder, id))))
    const pauseMs = Math.min(FORGET_MS_MAX, retentionSeconds * 1_000)
    this.#forgetting = timers.after(ids.length === FORGOTTEN_AT_A_TIME ? 0 : pauseMs, this.#forget)
  }
}

async function removeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32)
}

function unreadable(end: CommandEnd, attempt: number, problem: string): ExecResult {
  const { startedAt, endedAt, ...ended } = end
  const times = { startedAt: startedAt === null ? null : new Date(startedAt).toISOString(), endedAt: new Date(endedAt).toISOString() }
  return { ...ended, ...times, attempt, stdout: NO_TEXT, stderr: NO_TEXT, outputs: null, files: [], problem }
}
