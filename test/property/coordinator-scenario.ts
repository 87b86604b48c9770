/** Jobs with chunks, unknown handles and dependencies, and what their subjobs report, chosen by numbers. */
import type { Outcome } from '../../src/domain/job-counts.ts'
import type { AddOperations, DispatchSubjob, Message, SubmitJob } from '../../src/domain/messages.ts'
import type { Handle } from '../../src/domain/split.ts'
import type { ConcludeJob, JobConclusion } from '../../src/stages/coordinator/conclusion.ts'
import { openHeapStore } from '../fakes/heap-store.ts'
import { jsonCodec } from '../fakes/json-codec.ts'
import { Coordinator } from '../../src/stages/coordinator/coordinator.ts'
import { exampleHandle, exampleOperation, exampleSubmission } from '../fakes/domain-examples.ts'
import type { RecordedTurn, StoredEntry } from '../fakes/recorded-turn.ts'
import { entriesOf, give, type StageInput } from './stage-inputs.ts'

export type CoordinatorInput = StageInput<JobConclusion>

const handles: readonly (Handle | undefined)[] = [
  exampleHandle({ dataProducerId: 'p1' }),
  exampleHandle({ dataProducerId: 'p2' }),
  exampleHandle({ ready: false }),
  undefined,
]

export function newCoordinator(): Coordinator {
  return new Coordinator({
    partition: 0,
    homePartition: () => 0,
    forwardedBytesMax: 1_000_000,
    findHandle: (name) => handles[Number(name.slice(1))],
    destinations: { bareNameIs: 'topic', topicPrefix: 'datajob.' },
    submissions: { operationsMax: 100, pathLengthMax: 100 },
    splits: { operationsMax: 2, bytesMax: 100_000 },
    store: openHeapStore(),
    decodePart: (value) => jsonCodec.decode<AddOperations>(value),
    attemptsMax: 3,
    partsTimeoutMs: 200,
    portions: { partsWaitingMax: 10, openSubjobsMax: 100 },
    jobRetentionMs: 500,
    retryRetentionMs: 300,
  })
}

/** The job of that number: 1 to 6 operations on 4 places, some of which wait for earlier ones. */
export function submissionOf(number: number, jobId: string): SubmitJob {
  const size = 1 + (number % 6)
  const operations = Array.from({ length: size }, (_, at) => exampleOperation({ operationId: at, path: `/${(number + at * at) % 4}` }))
  const dependencies = Array.from({ length: number % 4 === 0 ? size - 1 : 0 }, (_, at) => {
    return { operationId: at + 1, parents: number % 8 === 0 ? [at] : [0, at] }
  })
  return exampleSubmission({ jobId, operations, dependencies, destination: number % 3 === 0 ? 's3:results' : 'kafka:results' })
}

export function resultOf(number: number, operations: number): { outcome: Outcome; succeeded: number; failed: number } {
  const failed = number % 3 === 0 ? 0 : number % 3 === 1 ? operations : Math.floor(operations / 2)
  const outcome = failed === 0 ? 'succeeded' : failed === operations ? 'failed' : 'partiallyFailed'
  return { outcome, succeeded: operations - failed, failed }
}

/** Runs one coordinator by choices and writes down what it was given and what it said. */
export class CoordinatorScenario {
  readonly stage = newCoordinator()
  readonly inputs: CoordinatorInput[] = []
  readonly turns: RecordedTurn<ConcludeJob>[] = []
  readonly changelogs: (readonly StoredEntry[])[] = [[]]
  readonly #open: DispatchSubjob[] = []
  readonly #conclusions: ConcludeJob[] = []
  readonly timers = new Map<string, number>()
  readonly #said: Message[] = []
  #now = 1_000

  choose(pick: number): void {
    const choice = pick % 10
    const which = Math.floor(pick / 10)
    if (choice === 0 && which % 5 > 2) this.#release(`job-${which % 7}`, which % 2 === 0 ? null : [which % 3])
    else if (choice < 2) this.#record({ ...submissionOf(which, `job-${which % 7}`), held: which % 5 === 1 })
    else if (choice < 7) this.#report(which)
    else if (choice === 7) this.#conclude(which)
    else if (choice === 8) this.#repeat(which)
    else this.#ring()
  }

  #release(jobId: string, subjobs: readonly number[] | null): void {
    this.#record({ type: 'ReleaseJob', jobId, requestedBy: null, callbacks: { done: 'http://example.org/' }, subjobs })
  }

  #report(which: number): void {
    const dispatch = this.#open[which % Math.max(1, this.#open.length)]
    if (dispatch === undefined) return
    const { jobId, index, operations } = dispatch
    if (which % 3 === 0) {
      this.#record({ type: 'SubjobStarted', jobId, index, run: 1, attempt: 1, worker: 'w', dataProducerJobId: 'd', at: this.#now })
      return
    }
    this.#open.splice(this.#open.indexOf(dispatch), 1)
    const object = { key: `${jobId}/${index}`, bytes: which, etag: 'e' }
    const result = resultOf(which, operations.length)
    const message = result.failed > 0 ? 'why' : null
    const rest = { object, message, attempts: [], at: this.#now, failedOperations: [], generated: null }
    this.#record({ type: 'SubjobEnded', jobId, index, run: 1, ...result, ...rest })
  }

  #conclude(which: number): void {
    const [effect] = this.#conclusions.splice(which % Math.max(1, this.#conclusions.length), 1)
    if (effect === undefined) return
    const records = effect.destination.type === 'topic' ? [{ topic: effect.destination.name, key: effect.job.jobId, value: null }] : []
    this.#give({ type: 'completion', now: this.#now, completion: { jobId: effect.job.jobId, records, message: null } })
  }

  // A report of a job that was forgotten meanwhile would be that of another job under its id, so none of those is repeated.
  #repeat(which: number): void {
    const message = this.#said[which % Math.max(1, this.#said.length)]
    if (message !== undefined) this.#give({ type: 'record', now: this.#now, message, offset: this.inputs.length })
  }

  #ring(): void {
    const [first] = [...this.timers].sort(([, one], [, other]) => one - other)
    if (first === undefined) return
    this.timers.delete(first[0])
    this.#now = Math.max(this.#now, first[1])
    const jobId = first[0].slice(first[0].indexOf(':') + 1)
    this.#said.splice(0, this.#said.length, ...this.#said.filter((each) => !('jobId' in each) || each.jobId !== jobId))
    this.#give({ type: 'timer', now: this.#now, id: first[0] })
  }

  #record(message: Message): void {
    this.#said.push(message)
    this.#give({ type: 'record', now: this.#now, message, offset: this.inputs.length })
  }

  #give(input: CoordinatorInput): void {
    this.#now += 7
    const turn = give(this.stage, input)
    this.inputs.push(input)
    this.turns.push(turn)
    this.changelogs.push([...this.changelogs.at(-1)!, ...entriesOf(turn)])
    this.#open.push(...turn.messages('DispatchSubjob'))
    this.#conclusions.push(...turn.effects)
    for (const { id, at } of turn.wakes) this.timers.set(id, at)
    for (const id of turn.unsets) this.timers.delete(id)
  }
}
