/**
 * Reads: commands, subjob-events (co-partitioned by job id).
 * Writes: subjobs, jobs, commands (what arrived away from its home), a job's last word on its destination.
 * State: its jobs and their assignments, in coordinator-changelog.
 * Invariant: one writer per job: a job is only ever changed by the lane of the partition that murmur2 of its id names.
 */
import { acceptedFacts } from '../domain/accepted-facts.ts'
import { decideParentEnded, decideReport, evolveAssignment, newAssignment, type PublishedObject } from '../domain/assignment.ts'
import { type Destination, type DestinationRules, parseDestination } from '../domain/destination.ts'
import { decideJob, evolveJob, type Job, type JobCommand } from '../domain/job.ts'
import type { DispatchSubjob, Message, SubjobEnded, SubjobEventMessage, SubjobStarted, SubmitJob } from '../domain/messages.ts'
import { type LinkedPlan, linkPlans } from '../domain/plan.ts'
import { ResponseCode } from '../domain/response-code.ts'
import { type FindHandle, splitJob, type SplitLimits } from '../domain/split.ts'
import { checkSubmission, type SubmissionLimits } from '../domain/submission.ts'
import type { InputRecord, OutputRecord } from '../kafka/port.ts'
import { JobBook, type JobEntry } from './job-book.ts'
import type { Stage, Turn } from './stage.ts'

/** The last word to the client: the completion event, or the manifest of what is in the bucket. */
export interface ConcludeJob {
  readonly type: 'ConcludeJob'
  readonly job: ConcludingJob
  readonly destination: Destination
  /** What was stored in the bucket, ordered by subjob; empty for other destinations. */
  readonly objects: readonly ManifestEntry[]
}

export type ConcludingJob = Extract<Job, { readonly state: 'concluding' }>

export interface ManifestEntry extends PublishedObject {
  readonly subjob: number
  readonly operations: number
}

/** Tried until it worked, or can never work: then `message` says why the client was not told. */
export interface JobConclusion {
  readonly jobId: string
  /** Records to write in the transaction that ends the job; none when the last word is an object. */
  readonly records: readonly OutputRecord[]
  readonly message: string | null
}

export interface CoordinatorOptions {
  readonly partition: number
  readonly homePartition: (jobId: string) => number
  /** Bytes of a command that is sent to its home at most: what that adds has to fit into a record as well. */
  readonly forwardedBytesMax: number
  readonly findHandle: FindHandle
  readonly destinations: DestinationRules
  readonly submissions: SubmissionLimits
  readonly splits: SplitLimits
  readonly attemptsMax: number
  /** How long an ended job is remembered: its id stays taken, its status readable. */
  readonly jobRetentionMs: number
}

/** Marks a command that was sent to its home, with where it came from; it is never forwarded again. */
export const FORWARDED_HEADER = 'datajob_forwarded_from'

type NamedSubmission = SubmitJob & { readonly jobId: string }
type CoordinatorTurn = Turn<ConcludeJob>

export class Coordinator implements Stage<ConcludeJob, JobConclusion> {
  readonly #options: CoordinatorOptions
  readonly #book = new JobBook()

  constructor(options: CoordinatorOptions) {
    this.#options = options
  }

  load(): number {
    return this.#book.openSubjobs
  }

  restore(key: string, entry: Message | null): void {
    this.#book.restore(key, entry)
  }

  restored(turn: CoordinatorTurn): void {
    for (const entry of this.#book.all()) {
      this.#startConclusion(entry, turn)
      if (entry.job.state === 'ended') turn.wake(entry.job.jobId, entry.job.finishedAt + this.#options.jobRetentionMs)
    }
  }

  takeRecord(record: InputRecord, message: Message, turn: CoordinatorTurn): void {
    switch (message.type) {
      case 'SubmitJob':
        this.#takeSubmission(record, message, turn)
        return
      case 'SubjobStarted':
      case 'SubjobEnded':
        this.#takeReport(message, turn)
        return
      case 'SubjobAttemptFailed':
        return
      default:
        turn.deadLetter(record, `a ${message.type} does not belong on ${record.topic}`)
    }
  }

  /** An ended job's retention is over: its id may be used again. */
  takeTimer(id: string, turn: CoordinatorTurn): void {
    if (this.#book.get(id)?.job.state === 'ended') this.#book.forget(id, turn)
  }

  takeCompletion({ jobId, records, message }: JobConclusion, turn: CoordinatorTurn): void {
    const entry = this.#book.get(jobId)
    if (entry?.job.state !== 'concluding') return
    turn.deliver(records)
    this.#decide(entry, { type: 'RecordConclusion', at: turn.now, message }, turn)
    this.#book.dropAssignments(entry, turn)
    turn.wake(jobId, turn.now + this.#options.jobRetentionMs)
  }

  #takeSubmission(record: InputRecord, message: SubmitJob, turn: CoordinatorTurn): void {
    const submission = { ...message, jobId: message.jobId ?? placeOf(record) }
    const checked = checkSubmission(submission, this.#options.destinations, this.#options.submissions)
    if (!checked.ok) {
      turn.deadLetter(record, `${checked.fault.field}: ${checked.fault.message}`)
      return
    }
    const home = this.#options.homePartition(submission.jobId)
    if (home !== this.#options.partition) this.#forward(record, submission, home, turn)
    else this.#accept(record, submission, checked.destination, turn)
  }

  #forward(record: InputRecord, submission: NamedSubmission, home: number, turn: CoordinatorTurn): void {
    const from = record.headers[FORWARDED_HEADER]
    if (from !== undefined) {
      turn.deadLetter(record, `forwarded from ${from} to partition ${this.#options.partition}, but its home is ${home}`)
      return
    }
    const { forwardedBytesMax } = this.#options
    const bytes = bytesOf(record)
    if (bytes > forwardedBytesMax) {
      const what = `a command of ${bytes} bytes away from its home can't be forwarded, ${forwardedBytesMax} are allowed`
      turn.deadLetter(record, `${what}: produce it to partition ${home}, which murmur2 of its jobId names`)
      return
    }
    const headers = { ...record.headers, [FORWARDED_HEADER]: placeOf(record) }
    turn.publish('commands', submission.jobId, submission, { partition: home, headers })
  }

  #accept(record: InputRecord, submission: NamedSubmission, destination: Destination, turn: CoordinatorTurn): void {
    const known = this.#book.get(submission.jobId)
    if (known !== undefined) {
      const same = known.job.digest === submission.digest
      if (!same) turn.deadLetter(record, `jobId: "${submission.jobId}" is taken by another job`)
      return
    }
    const plans = linkPlans(splitJob(submission, this.#options.findHandle, this.#options.splits), submission.dependencies)
    const facts = acceptedFacts(submission, record, { destination, attemptsMaxDefault: this.#options.attemptsMax })
    const command = { type: 'AcceptJob', facts, operations: submission.operations.length, subjobs: plans.length } as const
    const job = decideJob(undefined, command).reduce<Job | undefined>(evolveJob, undefined)
    if (job === undefined) throw new Error('broken invariant: a new job was not accepted')
    const entry = this.#book.add(job, turn)
    for (const plan of plans) this.#assign(entry, plan, turn)
  }

  #assign(entry: JobEntry, plan: LinkedPlan, turn: CoordinatorTurn): void {
    const { index, producerKey, children, operations, parents } = plan
    const assignment = newAssignment({ index, producerKey, operations: operations.length, children }, parents.length)
    const dispatch = dispatchOf(entry.job, plan)
    const blocked = assignment.state === 'blocked'
    this.#book.changeAssignment(entry, assignment, blocked ? dispatch : null, turn)
    if (!blocked) publishDispatch(dispatch, turn)
  }

  #takeReport(report: SubjobStarted | SubjobEnded, turn: CoordinatorTurn): void {
    const entry = this.#book.get(report.jobId)
    const assignment = entry?.assignments.get(report.index)
    if (entry === undefined || assignment === undefined) return
    const events = decideReport(assignment, assignmentEventOf(report))
    if (events.length === 0) return
    this.#book.changeAssignment(entry, events.reduce(evolveAssignment, assignment), null, turn)
    if (report.type === 'SubjobStarted') {
      this.#decide(entry, { type: 'RecordSubjobStarted', at: report.at }, turn)
      return
    }
    for (const child of assignment.children) this.#parentEnded(entry, child, report, turn)
    this.#decide(entry, { type: 'RecordSubjobEnded', at: report.at, result: report }, turn)
    this.#startConclusion(entry, turn)
  }

  // A child whose parent did not succeed is not run: it is reported as rejected, and so are its own children.
  #parentEnded(entry: JobEntry, index: number, parent: SubjobEnded, turn: CoordinatorTurn): void {
    const child = entry.assignments.get(index)
    const held = entry.held.get(index)
    if (child === undefined || held === undefined) return
    const dispatch = parent.outcome === 'succeeded' ? held : { ...held, refusal: ResponseCode.Rejected, service: '' }
    const evolved = decideParentEnded(child).reduce(evolveAssignment, child)
    const released = evolved.state === 'dispatched'
    this.#book.changeAssignment(entry, evolved, released ? null : dispatch, turn)
    if (released) publishDispatch(dispatch, turn)
  }

  #decide(entry: JobEntry, command: JobCommand, turn: CoordinatorTurn): void {
    const events = decideJob(entry.job, command)
    if (events.length > 0) this.#book.changeJob(entry, events.reduce<Job>(evolveJob, entry.job), turn)
  }

  #startConclusion(entry: JobEntry, turn: CoordinatorTurn): void {
    const { job } = entry
    if (job.state !== 'concluding') return
    const parsed = parseDestination(job.destination, this.#options.destinations)
    if (!parsed.ok) throw new Error(`broken invariant: ${parsed.message}, yet the job was accepted`)
    const objects = parsed.destination.type === 'bucket' ? manifestOf(entry) : []
    turn.start({ type: 'ConcludeJob', job, destination: parsed.destination, objects })
  }
}

function bytesOf({ key, value, headers }: InputRecord): number {
  const ofHeaders = Object.entries(headers).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
  return ofHeaders + (key?.length ?? 0) + (value?.length ?? 0)
}

function placeOf(record: InputRecord): string {
  return `${record.topic}-${record.partition}-${record.offset}`
}

// What no producer is asked for need not gather at one owner.
function publishDispatch(dispatch: DispatchSubjob, turn: CoordinatorTurn): void {
  turn.publish('subjobs', dispatch.service === '' ? dispatch.jobId : dispatch.producerKey, dispatch)
}

function assignmentEventOf(report: Exclude<SubjobEventMessage, { type: 'SubjobAttemptFailed' }>): Parameters<typeof decideReport>[1] {
  if (report.type === 'SubjobStarted') return { type: 'SubjobStarted' }
  return { type: 'SubjobEnded', outcome: report.outcome, object: report.object }
}

function dispatchOf(job: Job, plan: LinkedPlan): DispatchSubjob {
  const { jobId, kind, destination, dataAcceptType, dataContentType, priority, attemptsMax, deadlineAt, traceparent } = job
  const { index, producerKey, service, dataProducerId, refusal, operations } = plan
  return {
    type: 'DispatchSubjob',
    ...{ jobId, index, producerKey, service, dataProducerId, kind, destination, dataAcceptType, dataContentType },
    ...{ refusal, priority, attemptsMax, deadlineAt, traceparent, operations },
  }
}

function manifestOf(entry: JobEntry): readonly ManifestEntry[] {
  const objects: ManifestEntry[] = []
  for (const assignment of entry.assignments.values()) {
    if (assignment.state !== 'ended' || assignment.object === null) continue
    objects.push({ ...assignment.object, subjob: assignment.index, operations: assignment.operations })
  }
  return objects.sort((one, other) => one.subjob - other.subjob)
}
