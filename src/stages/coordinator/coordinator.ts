/**
 * Reads: commands, subjob-events (co-partitioned by job id).
 * Writes: subjobs, jobs, commands (what arrived away from its home), subjob-events (plans), callbacks, a job's last word on its
 * destination.
 * State: its jobs and their assignments, in coordinator-changelog. Parts that wait are still in commands.
 * Invariant: one writer per job: a job is only ever changed by the lane of the partition that murmur2 of its id names.
 */
import { acceptedFacts } from '../../domain/accepted-facts.ts'
import { type Assignment, awaitsReport, evolveAssignment } from '../../domain/assignment.ts'
import type { Destination } from '../../domain/destination.ts'
import { decideJob, evolveJob, type Job, type JobCommand } from '../../domain/job.ts'
import type {
  AbandonJob, AddOperations, CancelJob, DispatchSubjob, ForgetJob, GeneratedSteps, HoldJob, Message, ReleaseJob, RetryJob, SubjobEnded,
  SubjobReport, SubmitJob,
} from '../../domain/messages.ts'
import { ResponseCode } from '../../domain/response-code.ts'
import { checkSubmission } from '../../domain/submission.ts'
import type { InputRecord } from '../../kafka/port.ts'
import { type ConcludeJob, conclusionOf, type JobConclusion } from './conclusion.ts'
import type { CoordinatorOptions } from './coordinator-options.ts'
import { isHome, placeOf } from './forwarding.ts'
import { settledEnd } from './generated-steps.ts'
import { JobBook, type JobEntry, type JobTimer, jobTimer, setRetention } from './job-book.ts'
import { tellReport } from './job-notices.ts'
import { faultOfRelease, releasedSince, unknownSubjob } from './job-release.ts'
import { closeParts, partTaken, withoutParts } from './job-parts.ts'
import { PARENT_FAILED, plansOf, plansOfPart } from './job-plans.ts'
import { retryJob } from './job-retry.ts'
import { awaitingSteps, hasAllSteps, planSteps, recountSteps } from './job-steps.ts'
import { PartIntake, PORTION } from './part-intake.ts'
import type { RungTimer, Stage, Turn } from '../stage.ts'
import { REST, restedStep, restOf } from './step-rests.ts'
import { SubjobHands } from './subjob-hands.ts'
import { refusalOf, remainderOf } from './subjob-orders.ts'

type JobRequest = CancelJob | AbandonJob | RetryJob | HoldJob | ReleaseJob | ForgetJob
type NamedSubmission = SubmitJob & { readonly jobId: string }
type CoordinatorTurn = Turn<ConcludeJob>

export class Coordinator implements Stage<ConcludeJob, JobConclusion> {
  readonly #options: CoordinatorOptions
  readonly #book: JobBook
  readonly #hands: SubjobHands
  readonly #parts: PartIntake<CoordinatorTurn>

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#book = new JobBook(options.store)
    this.#hands = new SubjobHands(this.#book, options.findHandle)
    this.#parts = new PartIntake({
      ...options,
      entryOf: (jobId) => this.#book.get(jobId),
      openSubjobs: () => this.#book.openSubjobs,
      split: (entry, part, mayWait, turn) => this.#splitPart(entry, part, mayWait, turn),
      lose: (entry, turn) => {
        this.#giveUpParts(entry, partTaken(entry, turn.now, { isLost: true }), turn)
        if (entry.steps !== null) this.#cancel(entry, turn)
      },
      close: (entry, turn) => {
        this.#giveUpParts(entry, withoutParts(entry, options.partsTimeoutMs, turn.now), turn)
        if (entry.steps !== null) this.#cancel(entry, turn)
      },
    })
  }

  load(): number {
    return this.#parts.isFull ? Infinity : this.#book.openSubjobs
  }

  keptFrom(): number | null {
    return this.#parts.keptFrom
  }

  hasMissed(): boolean {
    return this.#parts.hasMissed
  }

  close(): void {
    this.#options.store.close()
  }

  restore(key: string, entry: Message | null): void {
    this.#book.restore(key, entry)
  }

  restored(turn: CoordinatorTurn): void {
    for (const entry of this.#book.all()) {
      const { job } = entry
      recountSteps(entry)
      this.#startConclusion(entry, turn)
      if (job.state === 'ended') setRetention(entry, job.finishedAt, this.#options, turn)
      else if (job.partsLeft > 0) this.#awaitParts(entry, turn)
      this.#hands.restoreRests(entry, turn)
    }
  }

  takeRecord(record: InputRecord, message: Message, turn: CoordinatorTurn): void {
    switch (message.type) {
      case 'SubmitJob':
        this.#takeSubmission(record, { ...message, jobId: message.jobId ?? placeOf(record) }, turn)
        return
      case 'AddOperations':
        this.#takePart(record, message, turn)
        return
      case 'CancelJob':
      case 'AbandonJob':
      case 'RetryJob':
      case 'HoldJob':
      case 'ReleaseJob':
      case 'ForgetJob':
        this.#takeRequest(record, message, turn)
        return
      case 'SubjobStarted':
      case 'SubjobAttemptFailed':
      case 'SubjobEnded':
        this.#takeReport(message, turn)
        return
      case 'SubjobRecalled':
        this.#takeBack(message.order, turn)
        return
      case 'SubjobReported':
      case 'SubjobsPlanned':
        return
      default:
        turn.deadLetter(record, `a ${message.type} does not belong on ${record.topic}`)
    }
  }

  takeAgain(record: InputRecord, message: Message, turn: CoordinatorTurn): void {
    if (message.type !== 'AddOperations') return
    const entry = this.#book.get(record.key?.toString() ?? '')
    if (entry !== undefined) this.#parts.takeAgain(entry, record, message, turn)
  }

  takeTimer(timer: RungTimer, turn: CoordinatorTurn): void {
    if (timer.kind === PORTION) {
      this.#parts.splitNext(turn)
    } else if (timer.kind === REST) {
      const { jobId, index } = restedStep(timer)
      const entry = this.#book.get(jobId)
      if (entry !== undefined) this.#hands.rested(entry, index, turn)
    } else {
      const entry = this.#book.get(timer.key)
      if (entry !== undefined) this.#takeJobTimer(entry, timer.kind as JobTimer, turn)
    }
  }

  #takeJobTimer(entry: JobEntry, timer: JobTimer, turn: CoordinatorTurn): void {
    const isEnded = entry.job.state === 'ended'
    if (timer === 'forget' && isEnded) this.#book.forget(entry, turn)
    if (timer === 'drop' && isEnded) this.#book.dropAssignments(entry, turn)
    if (timer === 'parts' && this.#parts.leftOf(entry.job) > 0) closeParts(entry.job, this.#options.partition, turn)
  }

  takeCompletion({ jobId, records, message }: JobConclusion, turn: CoordinatorTurn): void {
    const entry = this.#book.get(jobId)
    if (entry?.job.state !== 'concluding') return
    turn.deliver(records)
    this.#book.decide(entry, { type: 'RecordConclusion', at: turn.now, message }, turn)
    if (entry.job.operations.failed === 0) this.#book.dropAssignments(entry, turn)
    setRetention(entry, turn.now, this.#options, turn)
  }

  #awaitParts(entry: JobEntry, turn: CoordinatorTurn): void {
    turn.wake(jobTimer(entry, 'parts'), turn.now + this.#options.partsTimeoutMs)
  }

  #takeSubmission(record: InputRecord, submission: NamedSubmission, turn: CoordinatorTurn): void {
    const checked = checkSubmission(submission, this.#options.destinations, this.#options.submissions)
    if (!checked.ok) {
      turn.deadLetter(record, `${checked.fault.field}: ${checked.fault.message}`)
      return
    }
    const { jobId } = submission
    if (isHome(record, { jobId, command: submission }, this.#options, turn)) this.#accept(record, submission, checked.destination, turn)
  }

  #takeRequest(record: InputRecord, request: JobRequest, turn: CoordinatorTurn): void {
    if (!isHome(record, { jobId: request.jobId, command: request }, this.#options, turn)) return
    const entry = this.#book.get(request.jobId)
    if (entry === undefined) {
      if (request.type !== 'ForgetJob') turn.deadLetter(record, `jobId: there is no job "${request.jobId}"`)
    } else if (request.type === 'CancelJob') this.#takeCancellation(record, entry, request, turn)
    else if (request.type === 'AbandonJob') this.#abandon(entry, turn)
    else if (request.type === 'RetryJob') retryJob(entry, request, { ...this.#options, book: this.#book, hands: this.#hands }, turn)
    else if (request.type === 'HoldJob') this.#hold(entry, turn)
    else if (request.type === 'ReleaseJob') this.#release(record, entry, request, turn)
    else if (entry.job.state === 'ended') this.#book.forget(entry, turn)
    else turn.deadLetter(record, `jobId: the job "${request.jobId}" has not ended`)
  }

  #accept(record: InputRecord, submission: NamedSubmission, destination: Destination, turn: CoordinatorTurn): void {
    const known = this.#book.get(submission.jobId)
    if (known !== undefined) {
      const same = known.job.digest === submission.digest
      if (!same) turn.deadLetter(record, `jobId: "${submission.jobId}" is taken by another job`)
      return
    }
    const { authorization, parts } = submission
    const plans = parts > 0 ? [] : plansOf(submission, this.#options)
    const facts = acceptedFacts(submission, record, { destination, attemptsMaxDefault: this.#options.attemptsMax })
    const operations = parts > 0 ? submission.operationCount : submission.operations.length
    const command = { type: 'AcceptJob', facts, operations, subjobs: plans.length } as const
    const job = decideJob(undefined, command).reduce<Job | undefined>(evolveJob, undefined)
    if (job === undefined) throw new Error('broken invariant: a new job was not accepted')
    const entry = this.#book.add(job, submission, turn)
    if (parts > 0) this.#awaitParts(entry, turn)
    this.#hands.assignAll(entry, plans, { run: job.run, authorization, refusal: refusalOf(job, plans) }, turn)
  }

  // Parts come behind their job, in order. Those of a submission that was not the first under its id are of no interest.
  #takePart(record: InputRecord, part: AddOperations, turn: CoordinatorTurn): void {
    const jobId = record.key?.toString() ?? ''
    if (!isHome(record, { jobId, command: part }, this.#options, turn)) return
    const entry = this.#book.get(jobId)
    if (entry === undefined) {
      turn.deadLetter(record, `there is no job "${jobId}" that this could be a part of`)
      return
    }
    this.#parts.take(entry, record, part, turn)
  }

  #splitPart(entry: JobEntry, { operations, authorization }: AddOperations, mayWait: boolean, turn: CoordinatorTurn): boolean {
    const { job } = entry
    const plans = plansOfPart(entry, operations, this.#options)
    if (mayWait && plans.some(({ refusal }) => refusal === ResponseCode.HandleNotFound)) return false
    this.#book.decide(entry, { type: 'AddSubjobs', subjobs: plans.length, parts: 0 }, turn)
    this.#hands.assignAll(entry, plans, { run: job.run, authorization, refusal: refusalOf(job, plans) }, turn)
    this.#book.decide(entry, partTaken(entry, turn.now, { isLost: false }), turn)
    // What waits for steps that never came would wait for ever.
    if (entry.job.partsLeft === 0 && !hasAllSteps(entry)) this.#cancel(entry, turn)
    return true
  }

  #giveUpParts(entry: JobEntry, command: JobCommand, turn: CoordinatorTurn): void {
    if (this.#book.decide(entry, command, turn)) this.#startConclusion(entry, turn)
  }

  #takeReport(report: SubjobReport, turn: CoordinatorTurn): void {
    const entry = this.#book.get(report.jobId)
    const assignment = entry?.assignments.get(report.index)
    if (entry === undefined || assignment?.run !== report.run || !awaitsReport(assignment)) return
    if (report.type === 'SubjobEnded') {
      this.#endSubjob(entry, assignment, report, turn)
      return
    }
    tellReport(entry.job, report, turn)
    if (report.type === 'SubjobStarted') this.#book.decide(entry, { type: 'RecordSubjobStarted', at: report.at }, turn)
  }

  #addGenerated(entry: JobEntry, step: number, generated: GeneratedSteps, turn: CoordinatorTurn): void {
    const { operations, source, authorization } = generated
    const first = entry.steps?.total ?? 0
    this.#book.addSteps(entry, step, generated, turn)
    this.#book.decide(entry, { type: 'AddGeneratedSteps', generation: { step, first, steps: operations.length, source } }, turn)
    const plans = planSteps({ ...entry.job, operations }, this.#options.findHandle, first)
    this.#hands.assignAll(entry, plans, { run: 1, authorization, refusal: refusalOf(entry.job, plans) }, turn)
  }

  // What the step has yielded is there before the step has ended, and others hear of its end here: its owner only knows what it yields.
  #endSubjob(entry: JobEntry, assignment: Assignment, told: SubjobEnded, turn: CoordinatorTurn): void {
    const { report, generated } = settledEnd(told, entry)
    if (told.generated !== null) turn.publish('subjobEvents', entry.job.jobId, report)
    if (generated !== null) this.#addGenerated(entry, report.index, generated, turn)
    tellReport(entry.job, report, turn)
    const after = evolveAssignment(assignment, report)
    const restsUntil = restOf(entry, assignment, report, turn.now)
    if (restsUntil !== null) {
      this.#book.decide(entry, { type: 'RecordSubjobStarted', at: report.at }, turn)
      this.#hands.rest(entry, after, report, restsUntil, turn)
      return
    }
    this.#book.endAssignment(entry, after, remainderOf(entry.job, after, report), turn)
    for (const child of [...assignment.children, ...awaitingSteps(entry, after)]) this.#parentEnded(entry, child, report, turn)
    const outcome = after.state === 'ended' ? after.outcome : report.outcome
    this.#book.decide(entry, { type: 'RecordSubjobEnded', at: report.at, result: { ...report, outcome } }, turn)
    this.#startConclusion(entry, turn)
    this.#parts.splitLater(turn)
  }

  // A child whose parent did not succeed is not run: it is reported as rejected, and so are its own children.
  #parentEnded(entry: JobEntry, index: number, parent: SubjobEnded, turn: CoordinatorTurn): void {
    const child = entry.assignments.get(index)
    if (child !== undefined) this.#hands.awaitsOneFewer(entry, child, parent.outcome === 'succeeded' ? null : PARENT_FAILED, turn)
  }

  #hold(entry: JobEntry, turn: CoordinatorTurn): void {
    const before = entry.job
    if (this.#book.decide(entry, { type: 'HoldJob', at: turn.now }, turn)) this.#hands.holdAll(entry, before, turn)
  }

  #takeBack(order: DispatchSubjob, turn: CoordinatorTurn): void {
    const entry = this.#book.get(order.jobId)
    const assignment = entry?.assignments.get(order.index)
    if (entry === undefined || assignment?.run !== order.run || !awaitsReport(assignment)) return
    this.#hands.takeBack(entry, assignment, order, turn)
  }

  // Each subjob that is held waits for one thing more.
  #release(record: InputRecord, entry: JobEntry, request: ReleaseJob, turn: CoordinatorTurn): void {
    const before = entry.job
    const wrong = faultOfRelease(before, request)
    if (wrong !== null) turn.deadLetter(record, `${wrong.field}: ${wrong.message}`)
    if (wrong !== null || !this.#book.decide(entry, { ...request, at: turn.now }, turn)) return
    for (const assignment of releasedSince(before, entry)) this.#hands.awaitsOneFewer(entry, assignment, null, turn)
  }

  #takeCancellation(record: InputRecord, entry: JobEntry, { subjobs }: CancelJob, turn: CoordinatorTurn): void {
    if (subjobs === null) {
      this.#cancel(entry, turn)
      return
    }
    const unknown = unknownSubjob(entry.job, subjobs)
    if (unknown !== null) turn.deadLetter(record, `subjobs: ${unknown}`)
    // Of a job that is being cancelled each is asked already.
    if (unknown !== null || entry.job.state === 'cancelling') return
    this.#hands.cancelSome(entry, new Set(subjobs), turn)
  }

  #cancel(entry: JobEntry, turn: CoordinatorTurn): void {
    if (this.#book.decide(entry, { type: 'CancelJob', at: turn.now }, turn)) this.#hands.cancelAll(entry, turn)
  }

  #abandon(entry: JobEntry, turn: CoordinatorTurn): void {
    this.#cancel(entry, turn)
    this.#book.decide(entry, { type: 'AbandonJob', at: turn.now }, turn)
  }

  #startConclusion(entry: JobEntry, turn: CoordinatorTurn): void {
    if (entry.job.state === 'concluding') turn.start(conclusionOf(entry, this.#options.destinations))
  }
}
