/** A dispatcher with producers whose every answer follows from the subjob and its attempt, so that all runs must end alike. */
import { expect } from 'vitest'
import type { DispatchSubjob, SubjobEnded } from '../../src/domain/messages.ts'
import { ResponseCode } from '../../src/domain/response-code.ts'
import type { CallFailure, Publication } from '../../src/domain/subjob.ts'
import { OperationsReleased } from '../../src/stages/operation-store.ts'
import { openHeapStore } from '../fakes/heap-store.ts'
import { Dispatcher } from '../../src/stages/dispatcher/dispatcher.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../../src/stages/dispatcher/subjob-calls.ts'
import { exampleDispatch, exampleRoutedOperation } from '../fakes/domain-examples.ts'
import type { RecordedTurn } from '../fakes/recorded-turn.ts'
import { StageRun } from '../fakes/stage-run.ts'
import { compactionOf } from './stage-inputs.ts'

const IN_FLIGHT_MAX = 2
const CALL_FAILURES_MAX = 3

const retriable: CallFailure = { disposition: 'retry', code: ResponseCode.ServiceNotResponding, message: 'HTTP 503' }
const hopeless: CallFailure = { disposition: 'reject', code: ResponseCode.Rejected, message: 'HTTP 400' }

export type Ending = Pick<SubjobEnded, 'outcome' | 'succeeded' | 'failed'> & { readonly attempts: readonly string[] }

export function newDispatcher(): Dispatcher {
  return new Dispatcher({
    worker: 'w',
    random: () => 0.5,
    polls: { delayMinMs: 10, delayMaxMs: 100, elapsedRatio: 0.1, jitterRatio: 0.1 },
    retries: { delayMinMs: 10, delayMaxMs: 500 },
    callFailuresMax: CALL_FAILURES_MAX,
    store: openHeapStore(),
    subjobTimeoutMs: () => Infinity,
    cancelTimeoutMs: 1_000,
    subjobsInFlightMax: () => IN_FLIGHT_MAX,
    resumeSpreadMs: 50,
    definitionOf: () => null,
    isPaused: () => false,
  })
}

/** Chunks of some jobs at two producers, as a coordinator sends them: each job's in order. */
export function dispatchesOf(numbers: readonly number[]): readonly DispatchSubjob[] {
  const next = new Map<string, number>()
  return numbers.map((number) => {
    const kind = number % 3 === 0 ? 'READ' : 'WRITE'
    const jobId = `${kind.toLowerCase()}-${number % 3}`
    const index = next.get(jobId) ?? 0
    next.set(jobId, index + 1)
    const producer = number % 4 === 0 ? 'p1' : 'p0'
    const refused = number % 5 === 4
    const operations = Array.from({ length: 1 + (number % 3) }, (_, at) => exampleRoutedOperation({ operationId: at }))
    return exampleDispatch({
      ...{ jobId, index, operations, attemptsMax: 1 + (number % 3), kind },
      ...{ dataProducerId: producer, producerKey: `dmi-1#${producer}` },
      ...(number % 3 === 2 ? { destination: 's3:results' } : {}),
      ...(refused ? { refusal: ResponseCode.Rejected, service: '' } : {}),
    })
  })
}

/** How a subjob must end, worked out without a dispatcher. */
export function endingOf(dispatch: DispatchSubjob): Ending {
  const total = dispatch.operations.length
  const attempts: string[] = []
  if (dispatch.refusal !== null) return { outcome: 'failed', succeeded: 0, failed: total, attempts }
  for (let attempt = 1; attempt <= dispatch.attemptsMax; attempt += 1) {
    const fate = fateOf(idOf(dispatch), attempt)
    if (fate === 'works') {
      const { succeeded, failed } = publicationOf(dispatch)
      const outcome = failed === 0 ? 'succeeded' : succeeded === 0 ? 'failed' : 'partiallyFailed'
      return { outcome, succeeded, failed, attempts: [...attempts, `${attempt} ${outcome}`] }
    }
    attempts.push(`${attempt} failed`)
    if (fate === 'submission is refused') break
  }
  return { outcome: 'failed', succeeded: 0, failed: total, attempts }
}

type Fate = 'works' | 'submission fails' | 'submission is refused' | 'result fails'

function fateOf(subjobId: string, attempt: number): Fate {
  const fates: readonly Fate[] = ['works', 'works', 'submission fails', 'result fails', 'submission is refused']
  return fates[hashOf(`${subjobId} ${attempt}`) % fates.length]!
}

function publicationOf(dispatch: Omit<DispatchSubjob, 'called'>): Publication {
  const total = dispatch.operations.length
  const failed = hashOf(idOf(dispatch)) % (total + 1)
  return { succeeded: total - failed, failed, object: null, message: null }
}

export class DispatcherWorld {
  readonly run = new StageRun<DispatcherEffect, DispatcherCompletion, Dispatcher>(newDispatcher)
  readonly endings = new Map<string, Ending>()
  readonly #dispatches: readonly DispatchSubjob[]
  readonly #compaction: readonly boolean[]
  readonly #completed: DispatcherCompletion[] = []
  readonly #begun = new Set<string>()
  readonly #busy = new Set<string>()
  #taken = 0

  constructor(dispatches: readonly DispatchSubjob[], compaction: readonly boolean[]) {
    this.#dispatches = dispatches
    this.#compaction = compaction
  }

  choose(pick: number): void {
    const choice = pick % 14
    const which = Math.floor(pick / 14)
    if (choice < 3) this.#take()
    else if (choice < 8) this.#answer(which)
    else if (choice < 10) this.#ring()
    else if (choice < 13) this.#repeat(which)
    else this.#restart()
  }

  /** Goes on until every subjob has ended. */
  finish(): void {
    while (this.#taken < this.#dispatches.length) this.#take()
    for (let left = 20_000; this.run.stage.load() > 0; left -= 1) {
      if (left === 0) throw new Error('subjobs are stuck')
      if (this.run.effects.length > 0) this.#answer(left)
      else this.#ring()
    }
  }

  #take(): void {
    const dispatch = this.#dispatches[this.#taken]
    if (dispatch === undefined) return
    this.#taken += 1
    this.#look(this.run.take(dispatch))
  }

  #answer(which: number): void {
    const [effect] = this.run.effects.splice(which % Math.max(1, this.run.effects.length), 1)
    if (effect === undefined) return
    const completion = answerTo(effect, which)
    this.#completed.push(completion)
    this.#look(this.run.complete(completion))
  }

  #ring(): void {
    if (this.run.timers.size > 0) this.#look(this.run.ring())
  }

  #repeat(which: number): void {
    const completion = this.#completed.at(-1 - (which % 12))
    if (completion !== undefined) this.#look(this.run.complete(completion))
    const dispatch = this.#dispatches[which % Math.max(1, this.#taken)]
    if (dispatch === undefined || this.#taken === 0 || this.endings.has(idOf(dispatch))) return
    expect(this.run.take(dispatch).silent).toBe(true)
  }

  #restart(): void {
    const keep = this.#compaction
    const changelog = compactionOf(this.run.changelog, (at) => keep[at % keep.length] === true)
    this.#busy.clear()
    for (const { entry } of new Map(changelog.map((each) => [each.key, each])).values()) {
      if (entry?.type !== 'SubjobProgressed') continue
      const { subjob } = entry
      const busy = subjob.state === 'polling' || (subjob.state === 'publishing' && subjob.attempt !== null)
      if (busy) this.#busy.add(`${entry.jobId}/${entry.index}`)
    }
    this.#look(this.run.restart(changelog))
  }

  #look(turn: RecordedTurn<DispatcherEffect>): void {
    for (const ended of turn.messages('SubjobEnded')) {
      const id = `${ended.jobId}/${ended.index}`
      expect(this.endings.has(id)).toBe(false)
      const { outcome, succeeded, failed, attempts } = ended
      this.endings.set(id, { outcome, succeeded, failed, attempts: attempts.map((each) => `${each.number} ${each.outcome}`) })
    }
    for (const effect of turn.effects) {
      if (effect.type === 'SubmitSubjob') this.#lookAtSubmission(effect)
      const canBeSeen = effect.type === 'SubmitSubjob' || (effect.type === 'PublishResult' && effect.dispatch.destination === 's3:results')
      if (canBeSeen) expect(turn.stored).not.toEqual([])
    }
    this.#lookAtLimit(turn)
  }

  // Writes of one job at one producer: one at a time, in order, also when they are tried again.
  #lookAtSubmission({ subjobId, dispatch }: DispatcherEffect): void {
    this.#begun.add(subjobId)
    if (dispatch.kind !== 'WRITE') return
    for (const other of this.#dispatches) {
      if (other.jobId !== dispatch.jobId || other.producerKey !== dispatch.producerKey || other.refusal !== null) continue
      const ended = this.endings.has(idOf(other))
      if (other.index < dispatch.index) expect(ended, `${idOf(other)} before ${subjobId}`).toBe(true)
      if (other.index > dispatch.index) expect(this.#begun.has(idOf(other)), `${idOf(other)} after ${subjobId}`).toBe(false)
    }
  }

  #lookAtLimit(turn: RecordedTurn<DispatcherEffect>): void {
    for (const { jobId, index } of [...turn.messages('SubjobAttemptFailed'), ...turn.messages('SubjobEnded')]) {
      this.#busy.delete(`${jobId}/${index}`)
    }
    for (const effect of turn.effects) if (effect.type === 'SubmitSubjob') this.#busy.add(effect.subjobId)
    for (const producer of ['p0', 'p1']) {
      const busy = this.#dispatches.filter((each) => each.dataProducerId === producer && this.#busy.has(idOf(each)))
      expect(busy.length).toBeLessThanOrEqual(IN_FLIGHT_MAX)
    }
  }
}

function answerTo(effect: DispatcherEffect, which: number): DispatcherCompletion {
  try {
    return answered(effect, which)
  } catch (error) {
    if (!(error instanceof OperationsReleased)) throw error
    // As src/effects/dispatcher-effects.ts has it: it came too late for a subjob that has ended.
    const { subjobId, run, attempt } = effect
    return { type: 'CancelAnswered', subjobId, run, attempt, again: false }
  }
}

function answered(effect: DispatcherEffect, which: number): DispatcherCompletion {
  const { subjobId, run, attempt, dispatch } = effect
  const fate = fateOf(subjobId, attempt)
  const reply = { subjobId, run, attempt }
  switch (effect.type) {
    case 'SubmitSubjob':
      if (fate === 'submission fails') return { ...reply, type: 'CallFailed', failure: retriable, retryAfterMs: which % 40 }
      if (fate === 'submission is refused') return { ...reply, type: 'CallFailed', failure: hopeless, retryAfterMs: 0 }
      return { ...reply, type: 'Submitted', dataProducerJobId: `${subjobId} ${attempt}` }
    case 'PollSubjob':
      expect(effect.dataProducerJobId).toBe(`${subjobId} ${attempt}`)
      return {
        ...{ ...reply, type: 'Polled', status: which % 3 === 0 ? 'finished' : 'pending' },
        progress: { percent: which % 101, message: null },
      }
    case 'CancelSubjob':
      return { ...reply, type: 'CancelAnswered', again: which % 2 === 0 }
    case 'PublishResult': {
      const { source } = effect
      const operations = effect.operations.load()
      // A result that can't be had never gets as far as the sink.
      if (source.type === 'result' && fate === 'result fails') return { ...reply, type: 'CallFailed', failure: retriable, retryAfterMs: 0 }
      if (which % 4 === 0) return { ...reply, type: 'SinkFailed', failure: retriable }
      if (source.type === 'failure') {
        const publication = { succeeded: 0, failed: operations.length, object: null, message: null }
        return { ...reply, type: 'Published', records: [], publication, failedOperations: operations, generated: null }
      }
      const publication = publicationOf({ ...dispatch, operations })
      return { ...reply, type: 'Published', records: [], publication, failedOperations: [], generated: null }
    }
  }
}

export function idOf({ jobId, index }: Pick<DispatchSubjob, 'jobId' | 'index'>): string {
  return `${jobId}/${index}`
}

// FNV-1a, 32 bits.
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0
  return hash
}
