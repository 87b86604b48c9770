/** One job with its assignments, as a coordinator drives the two, and beside them what has really been done. */
import { type Assignment, awaitsReport, evolveAssignment, newAssignment } from '../../src/domain/assignment.ts'
import type { Outcome } from '../../src/domain/job-counts.ts'
import { decideJob, evolveJob, type Job, type JobCommand } from '../../src/domain/job.ts'
import { exampleFacts } from '../fakes/domain-examples.ts'

/** Operations of each subjob, and of those that each part brings. */
export interface JobShape {
  readonly subjobs: readonly number[]
  readonly parts: readonly (readonly number[])[]
}

interface Report {
  readonly index: number
  readonly run: number
  readonly failed: number
}

export class JobWorld {
  job: Job
  /** Operations that are done, and that were reported as failed by the latest run of their subjob. */
  done = 0
  readonly failed = new Map<number, number>()
  readonly total: number
  readonly assignments: Assignment[] = []
  readonly #parts: (readonly number[])[]
  readonly #reports: Report[] = []
  #now = 1

  constructor({ subjobs, parts }: JobShape) {
    this.#parts = [...parts]
    this.total = sum([...subjobs, ...parts.flat()])
    const facts = exampleFacts({ parts: parts.length, submission: parts.length > 0 ? 's' : null })
    const [accepted] = decideJob(undefined, { type: 'AcceptJob', facts, operations: this.total, subjobs: subjobs.length })
    this.job = evolveJob(undefined, accepted!)
    this.#assign(subjobs)
  }

  choose(pick: number): void {
    const choice = pick % 16
    const which = Math.floor(pick / 16)
    if (choice < 3) this.start(which % Math.max(1, this.assignments.length))
    else if (choice < 9) this.#endAny(which)
    else if (choice < 11) this.addPart()
    else if (choice === 11) this.#repeat(which)
    else if (choice === 12) this.#giveUpParts(which)
    else if (choice === 13) this.decide({ type: 'CancelJob', at: this.#tick() })
    else if (choice === 14) this.decide({ type: 'RecordConclusion', at: this.#tick(), message: null })
    else this.#retry(which)
  }

  start(index: number): void {
    const assignment = this.assignments[index]
    if (assignment !== undefined && awaitsReport(assignment)) this.decide({ type: 'RecordSubjobStarted', at: this.#tick() })
  }

  /** A report of the subjob's end; one of another run, and one that came before, are passed over. */
  end({ index, run, failed }: Report): void {
    const assignment = this.assignments[index]
    if (assignment?.run !== run || !awaitsReport(assignment)) return
    const object = { key: `${index}`, bytes: 1, etag: 'e' }
    const after = evolveAssignment(assignment, { type: 'SubjobEnded', outcome: outcomeOf(assignment, failed, this.job), object })
    this.assignments[index] = after
    if (after.state !== 'ended') return
    const succeeded = after.operations - failed
    this.done += succeeded
    this.failed.set(index, failed)
    this.#reports.push({ index, run, failed })
    const message = failed === 0 ? null : 'why'
    const result = { outcome: after.outcome, succeeded, failed, message }
    this.decide({ type: 'RecordSubjobEnded', at: this.#tick(), result })
  }

  addPart(): void {
    const part = this.#parts.shift()
    if (part === undefined) return
    this.decide({ type: 'AddSubjobs', subjobs: part.length, parts: 1 })
    this.#assign(part)
  }

  decide(command: JobCommand): boolean {
    const events = decideJob(this.job, command)
    this.job = events.reduce<Job>(evolveJob, this.job)
    return events.length > 0
  }

  #assign(subjobs: readonly number[]): void {
    for (const operations of subjobs) {
      const index = this.assignments.length
      this.assignments.push(newAssignment({ index, producerKey: 'dmi#p', operations, children: [], run: 1 }, 0))
    }
  }

  #endAny(which: number): void {
    const assignment = this.assignments[which % Math.max(1, this.assignments.length)]
    if (assignment === undefined) return
    const { index, run, operations } = assignment
    this.end({ index, run, failed: which % 2 === 0 ? 0 : which % (operations + 1) })
  }

  #repeat(which: number): void {
    const report = this.#reports[which % Math.max(1, this.#reports.length)]
    if (report !== undefined) this.end(report)
  }

  #giveUpParts(which: number): void {
    if (which % 4 !== 0 || this.#parts.length === 0) return
    const operations = sum(this.#parts.splice(0).flat())
    this.failed.set(-1, operations)
    this.decide({ type: 'GiveUpParts', at: this.#tick(), operations, message: 'lost' })
  }

  // What can be tried again is what is held of the subjobs; a coordinator may leave some of them for another time.
  #retry(which: number): void {
    const undone = this.assignments.filter((each) => each.state === 'ended' && each.outcome !== 'succeeded')
    const again = which % 3 === 0 ? undone.slice(0, 1 + (which % Math.max(1, undone.length))) : undone
    const subjobs = { partiallyFailed: 0, failed: 0, cancelled: 0 }
    for (const each of again) if (each.state === 'ended' && each.outcome !== 'succeeded') subjobs[each.outcome] += 1
    const operations = sum(again.map(({ index }) => this.failed.get(index) ?? 0))
    const run = which % 2 === 0 ? null : this.job.run + 1
    if (!this.decide({ type: 'RetryJob', at: this.#tick(), run, priority: null, undone: { operations, subjobs } })) return
    for (const { index, producerKey } of again) {
      const retried = { type: 'SubjobRetried', producerKey, operations: this.failed.get(index) ?? 0, parents: 0, restsUntil: null } as const
      this.assignments[index] = evolveAssignment(this.assignments[index]!, retried)
      this.failed.delete(index)
    }
  }

  #tick(): number {
    this.#now += 1
    return this.#now
  }
}

function outcomeOf({ operations }: Assignment, failed: number, { state }: Job): Outcome {
  if (failed === 0) return 'succeeded'
  if (failed < operations) return 'partiallyFailed'
  return state === 'cancelling' ? 'cancelled' : 'failed'
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0)
}
