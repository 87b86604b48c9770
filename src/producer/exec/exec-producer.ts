/**
 * Runs jobs of commands. Cores and memory are given to the job that has waited the longest, to no two at a time; what has
 * ended is never begun again.
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
import type { ExecBook, ExecLog } from './exec-book.ts'
import { contractStatusOf, type ExecJob, isOver } from './exec-job.ts'
import { resultOf, statusOf, wentWell } from './exec-result.ts'
import type { ExecOperation, StoredJob, StoredResult } from './exec-store.ts'
import { type ReportedProgress, readProgress } from './progress.ts'
import { ProcessTree } from './process-tree.ts'
import type { Publisher } from './publisher.ts'

export interface ExecProducerParts {
  readonly book: ExecBook
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

const FORGET_MS_MAX = 10_000
const FORGOTTEN_AT_A_TIME = 200
/** For what the list does not admit any more: it takes no room, and its attempt says why it is refused. */
const NOTHING: Demand = { cores: 0, memoryMB: 0, timeoutSeconds: 0, outputBytes: 0 }

export class ExecProducer {
  readonly #parts: ExecProducerParts
  readonly #capacity: Capacity
  /** What the markers of all attempts in this data folder begin with: those of another producer's are none of ours. */
  readonly #markerPrefix: string
  /** Commands that run, by their jobs. */
  readonly #runs = new Map<string, CommandRun>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #stopped = new AbortController()
  #isStopping = false
  #forgetting: TimerHandle | null = null
  #accepted = 0
  #duplicates = 0

  constructor(parts: ExecProducerParts) {
    this.#parts = parts
    const { capacity, dataFolder } = parts.attempts.config
    this.#capacity = new Capacity(parts.processors.slice(0, capacity.cores), capacity.memoryMB)
    this.#markerPrefix = `datajob-${digest(dataFolder).slice(0, 12)}-`
  }

  /** Ends what still runs of what a former process has left, and goes on with what had not ended. */
  async recover(): Promise<void> {
    const { book, attempts, clock, timers, log } = this.#parts
    const { attemptsMax } = attempts.config
    // Before anything is waited for, in which new ones could begin.
    const left = [...book.open()]
    const groups = attempts.groups?.left((name) => name.startsWith(this.#markerPrefix)) ?? []
    for (const { id, job } of left) {
      if (job.state !== 'running') continue
      await this.#endLeftovers(job.attempt.marker)
      log.warn({ job: id, attempt: job.attempt.number }, 'an attempt went with the producer')
      book.apply(id, { type: 'LoseAttempt', stopped: false, attemptsMax, at: clock.now() })
    }
    for (const marker of groups) await this.#endLeftovers(marker)
    await this.#removeUnknownFolders()
    for (const { id } of left) this.#resumePublishing(id)
    this.#forgetting = timers.after(0, this.#forget)
    this.#fill()
  }

  /** Accepts a job that is admitted; the same key names the same job, for as long as it is remembered. */
  submit(key: string | undefined, jobId: string, operations: readonly ExecOperation[]): Submission {
    const { book, attempts } = this.#parts
    const { name, jobsMax } = attempts.config
    const id = `${name}-${key === undefined ? randomUUID() : digest(key)}`
    if (book.find(id) !== null) {
      this.#duplicates += 1
      return { type: 'accepted', id }
    }
    if (this.#isStopping) return { type: 'stopping' }
    if (book.openJobs >= jobsMax) return { type: 'full' }
    book.accept({ id, jobId }, operations)
    this.#accepted += 1
    this.#fill()
    return { type: 'accepted', id }
  }

  async status(id: string): Promise<ExecStatus | null> {
    const stored = this.#parts.book.find(id)
    if (stored === null) return null
    const { job } = stored
    const current = await this.#progressOf(stored)
    const progress = isOver(job) ? 100 : Math.floor((100 * job.ended + (current?.percent ?? 0)) / job.operations)
    return { status: contractStatusOf(job), progress, message: current?.message ?? '' }
  }

  /** Results so far, or null when there is no such job. */
  results(id: string): { readonly isOver: boolean; readonly results: Iterable<StoredResult> } | null {
    const { book } = this.#parts
    const stored = book.find(id)
    return stored === null ? null : { isOver: isOver(stored.job), results: book.results(id) }
  }

  /** Whether the job is known. Its command is ended, with all that it started; what is over stays as it is. */
  cancel(id: string): boolean {
    const { book } = this.#parts
    if (book.find(id) === null) return false
    book.apply(id, { type: 'CancelJob' })
    this.#runs.get(id)?.stop('cancelled', 'it was asked to stop')
    this.#fill()
    return true
  }

  get stats(): object {
    const { name, capacity } = this.#parts.attempts.config
    const states = [...this.#parts.book.open()].map(({ job }) => job.state)
    const count = (state: ExecJob['state']): number => states.filter((each) => each === state).length
    const jobs = { queued: count('queued'), running: count('running'), publishing: count('publishing') }
    return { name, accepted: this.#accepted, duplicates: this.#duplicates, ...jobs, free: this.#capacity.free, capacity }
  }

  /** Begins nothing more, waits for what runs, and after a while ends it: it is begun again by whoever starts next. */
  async stop(): Promise<void> {
    const { timers, attempts, book } = this.#parts
    this.#isStopping = true
    this.#forgetting?.cancel()
    const enough = new AbortController()
    const waited = delay(timers, attempts.config.stopSeconds * 1_000, enough.signal).catch(() => undefined)
    await Promise.race([this.#settled(), waited])
    enough.abort()
    this.#stopped.abort(new Error('the producer stops'))
    for (const run of this.#runs.values()) run.stop('lost', 'the producer stopped')
    await this.#settled()
    book.close()
  }

  async #settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  async #progressOf({ id, job }: StoredJob): Promise<ReportedProgress | null> {
    if (job.state !== 'running') return null
    const { dataFolder } = this.#parts.attempts.config
    return readProgress(attemptFolder(dataFolder, { id, index: job.ended, attempt: job.attempt.number }).progress)
  }

  /** Starts what there is room for. Who is first waits for all that it needs, and those behind it wait with it. */
  #fill(): void {
    const { book, attempts } = this.#parts
    for (const stored of book.open()) {
      if (this.#isStopping) return
      if (stored.job.state !== 'queued') continue
      const operation = book.operationOf(stored)
      const admission = admit(operation.request, attempts.config)
      const demand = admission.ok ? admission.demand : NOTHING
      const allotment = this.#capacity.take(demand)
      if (allotment === null) return
      this.#follow(this.#work(stored.id, operation, demand, allotment))
    }
  }

  async #work(id: string, operation: ExecOperation, demand: Demand, allotment: Allotment): Promise<void> {
    const { book, clock, log, attempts } = this.#parts
    const { job, jobId } = book.apply(id, { type: 'StartAttempt', marker: `${this.#markerPrefix}${randomUUID()}` })
    if (job.state !== 'running') throw new Error(`broken invariant: job ${id} is ${job.state}, not running`)
    const { number: attempt, marker } = job.attempt
    const about = { job: id, operation: operation.operationId, attempt }
    log.info({ ...about, ...demand }, 'started')
    const onStart = (run: CommandRun): void => {
      this.#started(id, run)
    }
    const end = await runAttempt(attempts, { id, jobId, index: job.ended, attempt, marker, operation, demand, allotment, onStart })
    this.#capacity.giveBack(allotment)
    this.#runs.delete(id)
    const { reason, exitCode, message } = end
    log.info({ ...about, reason, exitCode, message }, 'ended')
    if (reason === 'lost') {
      book.apply(id, { type: 'LoseAttempt', stopped: true, attemptsMax: attempts.config.attemptsMax, at: clock.now() })
      return
    }
    const ended = book.apply(id, { type: 'EndCommand', end })
    this.#fill()
    await this.#publish(ended, operation, demand.outputBytes)
  }

  /** A command that was to end before it began ends now. */
  #started(id: string, run: CommandRun): void {
    this.#runs.set(id, run)
    if (this.#parts.book.find(id)?.job.cancelAsked === true) run.stop('cancelled', 'it was asked to stop')
    if (this.#stopped.signal.aborted) run.stop('lost', 'the producer stopped')
  }

  async #publish({ id, jobId, job }: StoredJob, operation: ExecOperation, outputBytes: number): Promise<void> {
    if (job.state !== 'publishing') throw new Error(`broken invariant: job ${id} is ${job.state}, not publishing`)
    const { publisher, book, log } = this.#parts
    const { end, attempt } = job
    const order = { id, jobId, index: job.ended, attempt: attempt.number, request: operation.request, end, outputBytes }
    const result = await publisher.publish(order, this.#stopped.signal).catch((error: unknown) => {
      if (this.#stopped.signal.aborted) return null
      log.warn({ job: id, operation: operation.operationId, error: String(error) }, 'its result could not be read')
      return resultOf(end, attempt.number, { problem: String(error) })
    })
    // Whoever starts next publishes it: that the command has ended is on disk.
    if (result === null) return
    const { statusCode } = statusOf(result)
    log.info({ job: id, operation: operation.operationId, statusCode, files: result.files.length }, 'published')
    book.apply(id, { type: 'EndOperation', wentWell: wentWell(result) }, result)
    this.#fill()
  }

  #resumePublishing(id: string): void {
    const { book, attempts } = this.#parts
    const stored = book.find(id)
    if (stored?.job.state !== 'publishing') return
    const operation = book.operationOf(stored)
    const admission = admit(operation.request, attempts.config)
    const outputBytes = admission.ok ? admission.demand.outputBytes : attempts.config.limits.outputBytes.default
    this.#follow(this.#publish(stored, operation, outputBytes))
  }

  async #endLeftovers(marker: string): Promise<void> {
    const { groups } = this.#parts.attempts
    await new ProcessTree(this.#parts.attempts, marker, null).kill()
    groups?.remove(marker)
  }

  async #removeUnknownFolders(): Promise<void> {
    const { book, attempts } = this.#parts
    const folders = join(attempts.config.dataFolder, 'work')
    mkdirSync(folders, { recursive: true })
    // Each command's user may pass to its own.
    chmodSync(folders, 0o711)
    await this.#removeFolders(readdirSync(folders).filter((id) => book.find(id) === null))
  }

  async #removeFolders(ids: readonly string[]): Promise<void> {
    const { dataFolder } = this.#parts.attempts.config
    for (const id of ids) await rm(jobFolder(dataFolder, id), { recursive: true, force: true }).catch(() => undefined)
  }

  readonly #forget = (): void => {
    const { book, clock, timers, attempts } = this.#parts
    const retentionMs = attempts.config.retentionSeconds * 1_000
    const ids = book.forget(clock.now() - retentionMs, FORGOTTEN_AT_A_TIME)
    this.#follow(this.#removeFolders(ids))
    const pauseMs = ids.length === FORGOTTEN_AT_A_TIME ? 0 : Math.min(FORGET_MS_MAX, retentionMs)
    this.#forgetting = timers.after(pauseMs, this.#forget)
  }

  // Work fails only where the disk does: then the process ends with it, and its commands, for nothing could be kept any more.
  #follow(work: Promise<void>): void {
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
  }
}

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32)
}
