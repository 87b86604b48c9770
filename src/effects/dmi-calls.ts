/** The dispatcher's calls to a producer's plugin: each effect becomes a call, each answer a completion. */
import { type Destination, destinationName } from '../domain/destination.ts'
import type { DispatchSubjob, ServiceRegistered } from '../domain/messages.ts'
import { ResponseCode } from '../domain/response-code.ts'
import { type CallFailure, codeOfCallFailure } from '../domain/subjob.ts'
import type { DmiClient, DmiFailure, DmiService, SubjobCall } from '../dmi/dmi-client.ts'
import { submitBody } from '../dmi/submit-body.ts'
import type { StageMetrics } from '../observability/metrics.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../stages/dispatcher.ts'
import { Places } from './places.ts'

type Effect<Type extends DispatcherEffect['type']> = Extract<DispatcherEffect, { readonly type: Type }>
type Completion<Type extends DispatcherCompletion['type']> = Extract<DispatcherCompletion, { readonly type: Type }>
type CallFailed = Completion<'CallFailed'>

export interface DmiCallsOptions {
  readonly client: DmiClient
  /** What the operator registered under that name. */
  readonly serviceOf: (name: string) => ServiceRegistered | undefined
  readonly destinationOf: (text: string) => Destination
  readonly callsInFlightMax: number
  readonly metrics: Pick<StageMetrics, 'dmiCalls'>
}

/** A service that can be called about a subjob, or why it can't be. */
type Line =
  | { readonly ok: true; readonly service: DmiService; readonly call: SubjobCall }
  | { readonly ok: false; readonly failed: CallFailed }

/** The part of all calls or results under way that one service may take. */
export const SERVICE_SHARE = 1 / 4

export class DmiCalls {
  readonly #options: DmiCallsOptions
  readonly #places: Places

  constructor(options: DmiCallsOptions) {
    this.#options = options
    this.#places = new Places(options.callsInFlightMax)
  }

  async submit(effect: Effect<'SubmitSubjob'>, signal: AbortSignal): Promise<Completion<'Submitted'> | CallFailed> {
    const line = this.line(effect)
    if (!line.ok) return line.failed
    const { jobId, dataProducerId, dataAcceptType, dataContentType, operations } = effect.dispatch
    const { destination } = line.call
    const body = submitBody({ destination, dataAcceptType, dataContentType, dataProducerId, dataJobId: jobId }, operations)
    const reply = await this.#called('submit', line.service, () => this.#options.client.submit(line.service, line.call, body, signal))
    if (!reply.ok) return failedCall(effect, reply)
    return { type: 'Submitted', ...replyTo(effect), dataProducerJobId: reply.dataProducerJobId }
  }

  async poll(effect: Effect<'PollSubjob'>, signal: AbortSignal): Promise<Completion<'Polled'> | CallFailed> {
    const line = this.line(effect)
    if (!line.ok) return line.failed
    const { client } = this.#options
    const reply = await this.#called('status', line.service, () => client.status(line.service, line.call, effect.dataProducerJobId, signal))
    if (!reply.ok) return failedCall(effect, reply)
    const pending = reply.status === 'NOT_STARTED' || reply.status === 'RUNNING' || reply.status === 'CANCELLING'
    return { type: 'Polled', ...replyTo(effect), status: pending ? 'pending' : 'finished' }
  }

  /** How a subjob's producer is reached. */
  line(effect: DispatcherEffect): Line {
    const { dispatch } = effect
    const registered = this.#options.serviceOf(dispatch.service)
    if (registered === undefined) {
      const message = `the DMI service "${dispatch.service}" is not registered: PUT /ncmpInventory/v1/dmi/{name}`
      const failure = { disposition: 'retry', code: ResponseCode.ServiceNotResponding, message } as const
      return { ok: false, failed: { type: 'CallFailed', ...replyTo(effect), failure, retryAfterMs: 0 } }
    }
    return { ok: true, service: serviceOf(registered), call: callOf(dispatch, this.#options.destinationOf(dispatch.destination)) }
  }

  async #called<Reply extends { readonly ok: true } | DmiFailure>(
    name: string,
    service: DmiService,
    call: () => Promise<Reply>,
  ): Promise<Reply> {
    return this.#places.run([{ name: service.name, share: SERVICE_SHARE }], async () => {
      const end = this.#options.metrics.dmiCalls.startTimer({ call: name })
      const reply = await call()
      end({ outcome: reply.ok ? 'ok' : reply.disposition })
      return reply
    })
  }
}

/** What a failed call means to its subjob. */
export function failedCall(effect: DispatcherEffect, failure: DmiFailure): CallFailed {
  return { type: 'CallFailed', ...replyTo(effect), failure: callFailureOf(failure), retryAfterMs: failure.retryAfterMs ?? 0 }
}

export function replyTo({ subjobId, attempt }: DispatcherEffect): { readonly subjobId: string; readonly attempt: number } {
  return { subjobId, attempt }
}

function callFailureOf(failure: DmiFailure): CallFailure {
  return { disposition: failure.disposition, code: codeOfCallFailure(failure), message: failure.message }
}

function serviceOf({ name, baseUrl, contract, username, password }: ServiceRegistered): DmiService {
  const auth = username === null ? undefined : ({ type: 'basic', username, password: password ?? '' } as const)
  return { name, baseUrl, contract, auth }
}

function callOf(dispatch: DispatchSubjob, destination: Destination): SubjobCall {
  const { jobId, index, kind, dataProducerId, traceparent } = dispatch
  return {
    requestId: jobId,
    kind,
    dataProducerId,
    destination: destinationName(destination),
    idempotencyKey: `${jobId}/${index}`,
    traceparent: traceparent ?? undefined,
  }
}
