/** A coordinator lane's state: its jobs with their assignments, and how both stand in the changelog. */
import { type Assignment, isSettled } from '../../domain/assignment.ts'
import { decideJob, evolveJob, type Job, type JobCommand } from '../../domain/job.ts'
import type { DispatchSubjob, GeneratedSteps, Message, SubmitJob } from '../../domain/messages.ts'
import { StepGroups } from '../../domain/step-groups.ts'
import { tellChange } from './job-notices.ts'
import type { KeptOperations, OperationStore } from '../operation-store.ts'
import type { Turn } from '../stage.ts'
import { StageTimer } from '../timer-queue.ts'

export interface JobEntry {
  job: Job
  /** But for those that are settled: most of a large job's are, long before its end. */
  readonly assignments: Map<number, Assignment>
  readonly counts: { open: number; blocked: number }
  /** What is dispatched once a subjob's parents have ended, or when what failed of it is tried again. */
  readonly held: Map<number, HeldSubjob>
  /** Of a job in steps: what its groups have come to; null of others. */
  steps: StepGroups | null
  /** Of a job in steps: its client's bearer token, for those that are tried again by themselves. */
  authorization: string | null
  /** Timers of the steps that rest, or have rested. */
  readonly rests: Map<number, StageTimer>
  /** Those that it has had to set. */
  readonly timers: Partial<Record<JobTimer, StageTimer>>
}

/** When an ended job is forgotten, when what failed of it is dropped, and when its parts are no longer waited for. */
export type JobTimer = 'forget' | 'drop' | 'parts'

interface HeldSubjob {
  readonly order: Omit<DispatchSubjob, 'operations'>
  readonly operations: KeptOperations
}

type RestoredEntry = Omit<JobEntry, 'job'> & { job: Job | undefined }
type Write = Pick<Turn<never>, 'now' | 'store' | 'publish'>

// A job id may look like a subjob's key of another job; the prefix keeps them apart.
const JOB_PREFIX = 'job:'
const SUBJOB_PREFIX = 'subjob:'
const GROUPS_PREFIX = 'groups:'

export class JobBook {
  readonly #store: OperationStore
  // Until all is restored, a subjob may be there before its job: compaction keeps the latest entry, wherever it stands.
  readonly #entries = new Map<string, RestoredEntry>()
  #openSubjobs = 0

  constructor(store: OperationStore) {
    this.#store = store
  }

  /**
   * Subjobs that have not ended, but for those of jobs that are held that wait: who waits for these to become fewer would not read the
   * command that begins them.
   */
  get openSubjobs(): number {
    return this.#openSubjobs
  }

  get(jobId: string): JobEntry | undefined {
    const entry = this.#entries.get(jobId)
    return entry === undefined ? undefined : complete(jobId, entry)
  }

  *all(): Generator<JobEntry> {
    for (const [jobId, entry] of this.#entries) yield complete(jobId, entry)
  }

  add(job: Job, { groups, authorization }: Pick<SubmitJob, 'groups' | 'authorization'>, turn: Write): JobEntry {
    const entry: JobEntry = { job, ...emptyEntry(), steps: groups.length === 0 ? null : new StepGroups(groups) }
    this.#entries.set(job.jobId, entry)
    this.#write(job, turn)
    this.authorize(entry, authorization, turn)
    tellChange(null, job, turn)
    return entry
  }

  /** Whose token is sent with what is tried again by itself. */
  authorize(entry: JobEntry, authorization: string | null, turn: Write): void {
    const { job: { jobId }, steps } = entry
    if (steps === null) return
    // Of others it is of no use, and better not kept.
    entry.authorization = steps.groups.some(({ retries }) => retries > 0) ? authorization : null
    turn.store(GROUPS_PREFIX + jobId, { type: 'JobGrouped', jobId, groups: steps.groups, authorization: entry.authorization })
  }

  /** The step of a job in steps, which has not ended yet, yields more of them. */
  addSteps(entry: JobEntry, step: number, { groups, authorization }: GeneratedSteps, turn: Write): void {
    const { job: { jobId }, steps } = entry
    if (steps === null) throw new Error(`broken invariant: steps for the job "${jobId}", which has none`)
    steps.add(step, groups)
    this.authorize(entry, authorization, turn)
  }

  /** Says whether the command changed the job. */
  decide(entry: JobEntry, command: JobCommand, turn: Write): boolean {
    const before = entry.job
    const events = decideJob(before, command)
    if (events.length === 0) return false
    const job = events.reduce<Job>(evolveJob, before)
    this.#setJob(entry, job)
    this.#write(job, turn)
    tellChange(before, job, turn)
    return true
  }

  #write(job: Job, turn: Write): void {
    const changed = { type: 'JobChanged', job } as const
    turn.store(JOB_PREFIX + job.jobId, changed)
    turn.publish('jobs', job.jobId, changed)
  }

  /** What is held of a subjob, whole; undefined when nothing is. */
  held(entry: JobEntry, index: number): DispatchSubjob | undefined {
    const held = entry.held.get(index)
    return held === undefined ? undefined : { ...held.order, operations: held.operations.load() }
  }

  changeAssignment(entry: JobEntry, assignment: Assignment, held: DispatchSubjob | null, turn: Write): void {
    const { jobId } = entry.job
    this.#set(entry, assignment, held)
    turn.store(subjobKey(jobId, assignment.index), { type: 'AssignmentChanged', jobId, assignment, held })
  }

  /** What has ended, with what is left of it for another run. */
  endAssignment(entry: JobEntry, assignment: Assignment, remainder: DispatchSubjob | null, turn: Write): void {
    this.changeAssignment(entry, assignment, remainder, turn)
    if (isSettled(assignment)) this.#drop(entry, assignment, turn)
  }

  dropAssignments(entry: JobEntry, turn: Write): void {
    for (const assignment of entry.assignments.values()) this.#drop(entry, assignment, turn)
    if (entry.steps === null) return
    entry.steps = null
    turn.store(GROUPS_PREFIX + entry.job.jobId, null)
  }

  forget(entry: JobEntry, turn: Write & Pick<Turn<never>, 'unset'>): void {
    const { jobId } = entry.job
    this.dropAssignments(entry, turn)
    // Else they would ring for another job of the same id.
    for (const timer of [...Object.values(entry.timers), ...entry.rests.values()]) turn.unset(timer)
    this.#entries.delete(jobId)
    turn.store(JOB_PREFIX + jobId, null)
    turn.publish('jobs', jobId, null)
  }

  restore(key: string, entry: Message | null): void {
    if (entry === null) {
      this.#restoreDeletion(key)
    } else if (entry.type === 'JobChanged') {
      this.#setJob(this.#restoring(entry.job.jobId), entry.job)
    } else if (entry.type === 'AssignmentChanged') {
      this.#set(this.#restoring(entry.jobId), entry.assignment, entry.held)
    } else if (entry.type === 'JobGrouped') {
      const known = this.#restoring(entry.jobId)
      known.steps = new StepGroups(entry.groups)
      known.authorization = entry.authorization
    } else {
      throw new Error(`broken invariant: a ${entry.type} in the coordinator's changelog`)
    }
  }

  #drop(entry: JobEntry, assignment: Assignment, turn: Write): void {
    const { index } = assignment
    this.#delete(entry, index)
    turn.store(subjobKey(entry.job.jobId, index), null)
  }

  #restoring(jobId: string): RestoredEntry {
    const known = this.#entries.get(jobId)
    if (known !== undefined) return known
    const entry = { job: undefined, ...emptyEntry() }
    this.#entries.set(jobId, entry)
    return entry
  }

  // Only the last entry of each key counts; which of those before it are still there is up to compaction.
  #restoreDeletion(key: string): void {
    if (key.startsWith(JOB_PREFIX)) {
      const jobId = key.slice(JOB_PREFIX.length)
      const entry = this.#entries.get(jobId)
      if (entry !== undefined) this.#openSubjobs -= waitedFor(entry)
      for (const { operations } of entry?.held.values() ?? []) operations.release()
      this.#entries.delete(jobId)
      return
    }
    if (key.startsWith(GROUPS_PREFIX)) {
      const entry = this.#entries.get(key.slice(GROUPS_PREFIX.length))
      if (entry !== undefined) entry.steps = null
      return
    }
    const slash = key.lastIndexOf('/')
    const index = Number(key.slice(slash + 1))
    const jobId = key.slice(SUBJOB_PREFIX.length, slash)
    const entry = this.#entries.get(jobId)
    if (entry?.assignments.has(index) !== true) return
    this.#delete(entry, index)
    if (entry.job === undefined && entry.assignments.size === 0) this.#entries.delete(jobId)
  }

  #set(entry: RestoredEntry, assignment: Assignment, held: DispatchSubjob | null): void {
    this.#count(entry, entry.assignments.get(assignment.index), assignment)
    entry.assignments.set(assignment.index, assignment)
    this.#hold(entry, assignment.index, held)
  }

  #delete(entry: RestoredEntry, index: number): void {
    this.#count(entry, entry.assignments.get(index), undefined)
    entry.assignments.delete(index)
    this.#hold(entry, index, null)
  }

  #setJob(entry: RestoredEntry, job: Job): void {
    this.#openSubjobs -= waitedFor(entry)
    entry.job = job
    this.#openSubjobs += waitedFor(entry)
  }

  #count(entry: RestoredEntry, before: Assignment | undefined, after: Assignment | undefined): void {
    this.#openSubjobs -= waitedFor(entry)
    for (const [assignment, change] of [[before, -1], [after, 1]] as const) {
      if (assignment !== undefined && assignment.state !== 'ended') entry.counts.open += change
      if (assignment?.state === 'blocked') entry.counts.blocked += change
    }
    this.#openSubjobs += waitedFor(entry)
  }

  #hold(entry: RestoredEntry, index: number, dispatch: DispatchSubjob | null): void {
    entry.held.get(index)?.operations.release()
    entry.held.delete(index)
    if (dispatch === null) return
    const { operations, ...order } = dispatch
    entry.held.set(index, { order, operations: this.#store.keep(operations) })
  }
}

export function jobTimer(entry: JobEntry, kind: JobTimer): StageTimer {
  return (entry.timers[kind] ??= new StageTimer(kind, entry.job.jobId))
}

/** In which order a changelog has them depends on its compaction. */
export function inOrder({ assignments }: JobEntry): readonly Assignment[] {
  return [...assignments.values()].sort((one, other) => one.index - other.index)
}

/** After its retention an ended job's id may be used again. */
export function setRetention(
  entry: JobEntry,
  endedAt: number,
  { jobRetentionMs, retryRetentionMs }: { readonly jobRetentionMs: number; readonly retryRetentionMs: number },
  turn: Pick<Turn<never>, 'wake'>,
): void {
  turn.wake(jobTimer(entry, 'forget'), endedAt + jobRetentionMs)
  if (entry.assignments.size > 0) turn.wake(jobTimer(entry, 'drop'), endedAt + Math.min(retryRetentionMs, jobRetentionMs))
}

function subjobKey(jobId: string, index: number): string {
  return `${SUBJOB_PREFIX}${jobId}/${index}`
}

function emptyEntry(): Omit<JobEntry, 'job'> {
  return {
    ...{ assignments: new Map(), counts: { open: 0, blocked: 0 }, held: new Map() },
    ...{ steps: null, authorization: null, rests: new Map(), timers: {} },
  }
}

// What was released may wait for what was not: as long as some of a job is held, all that is blocked waits for the client.
function waitedFor({ job, counts: { open, blocked } }: RestoredEntry): number {
  return job?.held === true ? open - blocked : open
}

function complete(jobId: string, entry: RestoredEntry): JobEntry {
  if (entry.job === undefined) throw new Error(`broken invariant: subjobs of the unknown job "${jobId}"`)
  return entry as JobEntry
}
