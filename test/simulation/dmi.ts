/**
 * A producers' plugin that lasts while processes come and go: slow, busy, failing, forgetful, answering nonsense, and true to its
 * idempotency keys.
 */
import type { DispatchSubjob } from '../../src/domain/messages.ts'
import { ResponseCode } from '../../src/domain/response-code.ts'
import type { CallFailure, ProducerProgress, ProducerStatus } from '../../src/domain/subjob.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { Random } from '../../src/runtime/random.ts'

/** A subjob as its producer is asked for it. */
export type HandedOver = Omit<DispatchSubjob, 'called'>

/** A submission on its way to the plugin. */
export interface Sending {
  readonly at: number
  readonly process: string
  readonly dispatch: HandedOver
  /** The process had begun it before it stopped and went on, so that it could not know better. */
  readonly isExcused: boolean
}

interface Execution {
  readonly id: string
  readonly dispatch: HandedOver
  /** The first so many operations are not mentioned in its result, though it has finished. */
  readonly unmentioned: number
  finishesAt: number
  /** Operations that were done before it was asked to stop; null when it was not. */
  doneBefore: number | null
}

/** The idempotency key of a subjob: work that was begun under it is not begun again. */
export function workOf({ jobId, index, run }: Pick<DispatchSubjob, 'jobId' | 'index' | 'run'>): string {
  return `${jobId}/${index}${run === 1 ? '' : `.${run}`}`
}

export interface OperationResult {
  readonly operationId: string | number
  readonly code: ResponseCode
}

export type Answer<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly failure: CallFailure; readonly retryAfterMs: number }

export class SimulatedDmi {
  readonly #clock: Clock
  readonly #random: Random
  readonly #workMsMax: number
  readonly #executions = new Map<string, Execution>()
  readonly sendings: Sending[] = []
  /** What arrived, whatever became of it. */
  readonly arrivals: HandedOver[] = []
  /** Part of the calls that are answered with a failure. */
  failureRatio = 0

  constructor({ clock, random, workMsMax }: { readonly clock: Clock; readonly random: Random; readonly workMsMax: number }) {
    this.#clock = clock
    this.#random = random
    this.#workMsMax = workMsMax
  }

  /** A submission leaves a process, which decided on it at some moment. */
  send({ decidedAt, process, dispatch }: Pick<Sending, 'process' | 'dispatch'> & { readonly decidedAt: number }): void {
    const at = this.#clock.now()
    this.sendings.push({ at, process, dispatch, isExcused: decidedAt < at })
  }

  submit(dispatch: HandedOver): Answer<{ readonly dataProducerJobId: string }> {
    this.arrivals.push(dispatch)
    const work = workOf(dispatch)
    const known = this.#executions.get(work)
    if (known !== undefined) return this.#nonsense() ?? { ok: true, dataProducerJobId: known.id }
    const failure = this.#failure()
    if (failure !== null) return failure
    const finishesAt = this.#clock.now() + Math.floor(this.#random() * this.#workMsMax)
    const unmentioned = this.#random() < this.failureRatio / 4 ? 1 : 0
    const id = `dpj of ${work}`
    this.#executions.set(work, { id, dispatch, unmentioned, finishesAt, doneBefore: null })
    return this.#nonsense() ?? { ok: true, dataProducerJobId: id }
  }

  status(work: string): Answer<{ readonly status: ProducerStatus; readonly progress: ProducerProgress }> {
    const failure = this.#failure()
    if (failure !== null) return failure
    const { finishesAt } = this.#executionOf(work)
    const now = this.#clock.now()
    return { ok: true, status: finishesAt <= now ? 'finished' : 'pending', progress: { percent: now % 101, message: null } }
  }

  result(work: string): Answer<{ readonly results: readonly OperationResult[] }> {
    const failure = this.#failure()
    if (failure !== null) return failure
    const { dispatch, unmentioned, finishesAt, doneBefore } = this.#executionOf(work)
    if (finishesAt > this.#clock.now()) throw new Error(`${work} was asked for its result before it had finished`)
    const done = dispatch.operations.slice(unmentioned, doneBefore ?? dispatch.operations.length)
    return { ok: true, results: done.map(({ operationId }) => ({ operationId, code: codeOf(operationId) })) }
  }

  /** Some producers stop, with a part of the work done; others go on. */
  cancel(work: string): Answer<object> {
    const failure = this.#failure()
    if (failure !== null) return failure
    const execution = this.#executionOf(work)
    const now = this.#clock.now()
    if (execution.finishesAt <= now || this.#random() < 0.3) return { ok: true }
    execution.finishesAt = now + Math.floor(this.#random() * 1_000)
    execution.doneBefore ??= Math.floor(this.#random() * (execution.dispatch.operations.length + 1))
    return { ok: true }
  }

  // The work was taken on, but the answer to that can't be made out.
  #nonsense(): (Answer<never> & { readonly ok: false }) | null {
    if (this.#random() >= this.failureRatio / 10) return null
    return failed({ disposition: 'reject', code: ResponseCode.UnknownError, message: 'an answer without an id' })
  }

  #executionOf(work: string): Execution {
    const execution = this.#executions.get(work)
    if (execution === undefined) throw new Error(`${work} was never submitted`)
    return execution
  }

  #failure(): (Answer<never> & { readonly ok: false }) | null {
    if (this.#random() >= this.failureRatio) return null
    const kind = this.#random()
    if (kind < 0.1) return failed({ disposition: 'reject', code: ResponseCode.Rejected, message: 'HTTP 404' })
    if (kind < 0.15) return failed({ disposition: 'reject', code: ResponseCode.UnknownError, message: 'not JSON' })
    if (kind < 0.4) return failed({ disposition: 'retry', code: ResponseCode.SouthboundBusy, message: 'HTTP 429' }, 2_000)
    return failed({ disposition: 'retry', code: ResponseCode.ServiceNotResponding, message: 'HTTP 503' })
  }
}

/** What becomes of an operation that its producer works on: every fifth is refused by the network. */
export function codeOf(operationId: string | number): ResponseCode {
  return Number(operationId) % 5 === 4 ? ResponseCode.Rejected : ResponseCode.Success
}

function failed(failure: CallFailure, retryAfterMs = 0): { ok: false; failure: CallFailure; retryAfterMs: number } {
  return { ok: false, failure, retryAfterMs }
}
