/** The dispatcher's calls to a producer's plugin: each effect becomes a call, each answer a completion. */
import { type Destination, destinationName } from '../domain/destination.ts'
import type { ServiceRegistered } from '../domain/inventory-messages.ts'
import { ResponseCode } from '../domain/response-code.ts'
import { type CallFailure, codeOfCallFailure } from '../domain/subjob.ts'
import type { DmiClient, DmiFailure, DmiService, SubjobCall } from '../dmi/dmi-client.ts'
import { dmiServiceOf } from '../dmi/dmi-service.ts'
import { submitBody } from '../dmi/submit-body.ts'
import type { StageMetrics } from '../observability/metrics.ts'
import type { Clock } from '../runtime/clock.ts'
import type { DispatcherCompletion, DispatcherEffect, Reply, SubjobOrder } from '../stages/dispatcher/subjob-calls.ts'
import { AnsweringServices } from './answering-services.ts'

type Effect<Type extends DispatcherEffect['type']> = Extract<DispatcherEffect, { readonly type: Type }>
type Completion<Type extends DispatcherCompletion['type']> = Extract<DispatcherCompletion, { readonly type: Type }>
type CallFailed = Completion<'CallFailed'>

export interface DmiCallsOptions {
  readonly client: DmiClient
  /** What the operator registered under that name. */
  readonly serviceOf: (name: string) => ServiceRegistered | undefined
  readonly destinationOf: (text: string) => Destination
  readonly callsInFlightMax: number
  /** Monotonic. */
  readonly clock: Clock
  readonly metrics: Pick<StageMetrics, 'dmiCalls'>
}

/** A service that can be called about a subjob, or why it can't be. */
type Line = Reached | { readonly ok: false; readonly failed: CallFailed }

interface Reached {
  readonly ok: true
  readonly service: DmiService
  readonly call: SubjobCall
}

/** The part of all calls or results under way that one service may take. */
export const SERVICE_SHARE = 1 / 4

export class DmiCalls {
  readonly #options: DmiCallsOptions
  readonly #services: AnsweringServices
  readonly #known = new WeakMap<ServiceRegistered, DmiService>()

  constructor(options: DmiCallsOptions) {
    this.#options = options
    const { callsInFlightMax, clock } = options
    this.#services = new AnsweringServices({ callsInFlightMax, clock, share: SERVICE_SHARE })
  }

  submit(effect: Effect<'SubmitSubjob'>, signal: AbortSignal): Promise<Completion<'Submitted'> | CallFailed> {
    const submit = ({ service, call }: Reached): ReturnType<DmiClient['submit']> => {
      const { jobId, dataProducerId, dataAcceptType, dataContentType } = effect.dispatch
      const head = { destination: call.destination, dataAcceptType, dataContentType, dataProducerId, dataJobId: jobId }
      return this.#options.client.submit(service, call, submitBody(head, effect.operations.load()), signal)
    }
    return this.#called('submit', effect, submit, (reply) => {
      if (!reply.ok) return failedCall(effect, reply)
      return { type: 'Submitted', ...replyTo(effect), dataProducerJobId: reply.dataProducerJobId }
    })
  }

  poll(effect: Effect<'PollSubjob'>, signal: AbortSignal): Promise<Completion<'Polled'> | CallFailed> {
    const ask = ({ service, call }: Reached): ReturnType<DmiClient['status']> => {
      return this.#options.client.status(service, call, effect.dataProducerJobId, signal)
    }
    return this.#called('status', effect, ask, (reply) => {
      if (!reply.ok) return failedCall(effect, reply)
      const pending = reply.status === 'NOT_STARTED' || reply.status === 'RUNNING' || reply.status === 'CANCELLING'
      return { type: 'Polled', ...replyTo(effect), status: pending ? 'pending' : 'finished', progress: reply.progress }
    })
  }

  /** Asks the producer to stop. Only a call that may work later is made again: whether it stopped, its status tells. */
  async cancel(effect: Effect<'CancelSubjob'>, signal: AbortSignal): Promise<Completion<'CancelAnswered'>> {
    const cancel = async ({ service, call }: Reached): Promise<{ readonly ok: true } | DmiFailure> => {
      const answer = await this.#options.client.cancel(service, call, effect.dataProducerJobId, signal)
      return 'notSupported' in answer ? { ok: true } : answer
    }
    const answered = await this.#called('cancel', effect, cancel, (reply): Completion<'CancelAnswered'> => {
      return { type: 'CancelAnswered', ...replyTo(effect), again: !reply.ok && reply.disposition === 'retry' }
    })
    return answered.type === 'CancelAnswered' ? answered : { type: 'CancelAnswered', ...replyTo(effect), again: true }
  }

  /** How a subjob's producer is reached. */
  line(effect: DispatcherEffect): Line {
    const { dispatch } = effect
    const registered = this.#options.serviceOf(dispatch.service)
    if (registered === undefined) return { ok: false, failed: unregistered(effect) }
    return { ok: true, service: this.#serviceOf(registered), call: callOf(dispatch, this.#options.destinationOf(dispatch.destination)) }
  }

  /** The same for as long as it is registered so: the client remembers what it has read of it. */
  #serviceOf(registered: ServiceRegistered): DmiService {
    const known = this.#known.get(registered)
    if (known !== undefined) return known
    const service = dmiServiceOf(registered)
    this.#known.set(registered, service)
    return service
  }

  // What waits for a place is no more than what it is about: the call is put together when it is its turn.
  #called<Reply extends { readonly ok: true } | DmiFailure, Done>(
    name: string,
    effect: DispatcherEffect,
    call: (line: Reached) => Promise<Reply>,
    done: (reply: Reply) => Done,
  ): Promise<Done | CallFailed> {
    const { serviceOf, metrics } = this.#options
    const { service } = effect.dispatch
    if (serviceOf(service) === undefined) return Promise.resolve(unregistered(effect))
    return this.#services.run(service, async (hear) => {
      const line = this.line(effect)
      if (!line.ok) return line.failed
      const end = metrics.dmiCalls.startTimer({ call: name })
      const reply = await call(line)
      end({ outcome: reply.ok ? 'ok' : reply.disposition })
      hear(reply)
      return done(reply)
    })
  }
}

/** What a failed call means to its subjob. */
export function failedCall(effect: DispatcherEffect, failure: DmiFailure): CallFailed {
  return { type: 'CallFailed', ...replyTo(effect), failure: callFailureOf(failure), retryAfterMs: failure.retryAfterMs ?? 0 }
}

function unregistered(effect: DispatcherEffect): CallFailed {
  const message = `the DMI service "${effect.dispatch.service}" is not registered: PUT /ncmpInventory/v1/dmi/{name}`
  const failure = { disposition: 'retry', code: ResponseCode.ServiceNotResponding, message } as const
  return { type: 'CallFailed', ...replyTo(effect), failure, retryAfterMs: 0 }
}

export function replyTo({ subjobId, run, attempt }: DispatcherEffect): Reply {
  return { subjobId, run, attempt }
}

function callFailureOf(failure: DmiFailure): CallFailure {
  return { disposition: failure.disposition, code: codeOfCallFailure(failure), message: failure.message }
}

function callOf(dispatch: SubjobOrder, destination: Destination): SubjobCall {
  const { jobId, index, run, kind, dataProducerId, traceparent, authorization } = dispatch
  return {
    requestId: jobId,
    kind,
    dataProducerId,
    destination: destinationName(destination),
    // Another run does what this one did not: for the producer it is new.
    idempotencyKey: run === 1 ? `${jobId}/${index}` : `${jobId}/${index}.${run}`,
    bearerToken: authorization ?? undefined,
    traceparent: traceparent ?? undefined,
  }
}
