/** Carries out the stages' effects against the simulated plugin and destinations. */
import { parseDestination } from '../../src/domain/destination.ts'
import type { GeneratedSteps } from '../../src/domain/messages.ts'
import type { RoutedOperation } from '../../src/domain/operation.ts'
import { isSuccess, ResponseCode } from '../../src/domain/response-code.ts'
import type { CallFailure } from '../../src/domain/subjob.ts'
import { dispatcherEffects } from '../../src/effects/dispatcher-effects.ts'
import type { OutputRecord } from '../../src/kafka/port.ts'
import { delay } from '../../src/runtime/clock.ts'
import { SinkFailure } from '../../src/sinks/sink.ts'
import type { ConcludeJob, JobConclusion } from '../../src/stages/coordinator/conclusion.ts'
import type { DispatcherCompletion, DispatcherEffect, Reply, SubjobOrder } from '../../src/stages/dispatcher/subjob-calls.ts'
import type { EffectRunner } from '../../src/stages/stage.ts'
import { type BucketAccess, storeObject } from './bucket.ts'
import { type Answer, type OperationResult, type SimulatedDmi, workOf } from './dmi.ts'
import { yieldOf } from './generated.ts'
import { LostMessage, type Network } from './network.ts'
import type { SimulatedProcess } from './process.ts'
import { DESTINATIONS } from './settings.ts'

export interface EffectParts extends BucketAccess {
  readonly dmi: SimulatedDmi
  readonly dmiNetwork: Network
}

/** What a consumer of a destination is shown. */
export type ResultValue =
  | { readonly type: 'result'; readonly subjob: number; readonly results: readonly OperationResult[] }
  | { readonly type: 'completion'; readonly outcome: string; readonly total: number; readonly succeeded: number; readonly failed: number }

type Effect<Type extends DispatcherEffect['type']> = Extract<DispatcherEffect, { readonly type: Type }>
type Completion<Type extends DispatcherCompletion['type']> = Extract<DispatcherCompletion, { readonly type: Type }>
type Published = Completion<'Published' | 'SinkFailed'>

const noAnswer: CallFailure = { disposition: 'retry', code: ResponseCode.ServiceNotResponding, message: 'no answer' }
const MANIFEST_RETRY_MS = 500

export function simulatedEffects(parts: EffectParts): EffectRunner<DispatcherEffect, DispatcherCompletion> {
  const calls: Parameters<typeof dispatcherEffects>[0] = {
    submit: (effect) => submit(parts, effect),
    poll: (effect) => poll(parts, effect),
    cancel: (effect) => cancel(parts, effect),
  }
  return dispatcherEffects(calls, { publish: (effect) => publish(parts, effect) })
}

async function submit(
  { process, dmi, dmiNetwork }: EffectParts,
  effect: Effect<'SubmitSubjob'>,
): Promise<Completion<'Submitted' | 'CallFailed'>> {
  const dispatch = { ...effect.dispatch, operations: effect.operations.load() }
  const { decidedAt } = process
  const sent = (): void => {
    dmi.send({ decidedAt, process: process.name, dispatch })
  }
  const answer = await ask(process, dmiNetwork, () => dmi.submit(dispatch), sent)
  if (!answer.ok) return failedCall(effect, answer)
  return { type: 'Submitted', ...replyTo(effect), dataProducerJobId: answer.dataProducerJobId }
}

async function cancel({ process, dmi, dmiNetwork }: EffectParts, effect: Effect<'CancelSubjob'>): Promise<Completion<'CancelAnswered'>> {
  const answer = await ask(process, dmiNetwork, () => dmi.cancel(workOf(effect.dispatch)))
  return { type: 'CancelAnswered', ...replyTo(effect), again: !answer.ok && answer.failure.disposition === 'retry' }
}

async function poll(
  { process, dmi, dmiNetwork }: EffectParts,
  effect: Effect<'PollSubjob'>,
): Promise<Completion<'Polled' | 'CallFailed'>> {
  const answer = await ask(process, dmiNetwork, () => dmi.status(workOf(effect.dispatch)))
  return answer.ok ? { type: 'Polled', ...replyTo(effect), status: answer.status, progress: answer.progress } : failedCall(effect, answer)
}

async function publish(parts: EffectParts, effect: Effect<'PublishResult'>): Promise<Published | Completion<'CallFailed'>> {
  const { process, dmi, dmiNetwork } = parts
  const begunAt = process.decidedAt
  const { source, dispatch, unmentioned } = effect
  if (source.type === 'failure') {
    const results = effect.operations.load().map(({ operationId }) => ({ operationId, code: source.code }))
    return publishResults(parts, { effect, begunAt }, results)
  }
  const answer = await ask(process, dmiNetwork, () => dmi.result(workOf(dispatch)))
  if (!answer.ok) return failedCall(effect, answer)
  const mentioned = new Set(answer.results.map(({ operationId }) => operationId))
  const others = effect.operations.load().filter(({ operationId }) => !mentioned.has(operationId))
  const code = unmentioned?.code ?? ResponseCode.UnknownError
  const rest = others.map(({ operationId }) => ({ operationId, code }))
  return publishResults(parts, { effect, begunAt }, [...answer.results, ...rest])
}

async function publishResults(
  parts: EffectParts,
  { effect, begunAt }: { readonly effect: Effect<'PublishResult'>; readonly begunAt: number },
  results: readonly OperationResult[],
): Promise<Published> {
  const { dispatch } = effect
  const succeeded = results.filter(({ code }) => isSuccess(code)).length
  const counts = { succeeded, failed: results.length - succeeded, message: null }
  const destination = parseDestination(dispatch.destination, DESTINATIONS)
  if (!destination.ok) throw new Error(destination.message)
  const failedOperations = failedOf(effect.operations.load(), results)
  const publication = { ...counts, object: null }
  const generated = generatedBy(effect, failedOperations)
  const done = { type: 'Published', ...replyTo(effect), records: [], failedOperations, publication, generated } as const
  switch (destination.destination.type) {
    case 'none':
      return done
    case 'topic':
      return { ...done, records: resultRecords(destination.destination.name, dispatch, results) }
    case 'bucket':
      try {
        const key = workOf(dispatch)
        const object = await storeObject(parts, { key, body: JSON.stringify(results), begunAt })
        return { ...done, publication: { ...counts, object } }
      } catch (error) {
        if (!(error instanceof SinkFailure)) throw error
        const { disposition, message } = error
        return { type: 'SinkFailed', ...replyTo(effect), failure: { disposition, code: ResponseCode.UnknownError, message } }
      }
  }
}

export function coordinatorEffects(parts: EffectParts): EffectRunner<ConcludeJob, JobConclusion> {
  return async ({ job, destination, objects }, signal) => {
    const { jobId, outcome, operations } = job
    if (destination.type === 'none') return { jobId, records: [], message: null }
    const completion: ResultValue = { type: 'completion', outcome, ...operations }
    if (destination.type === 'topic') return { jobId, records: [recordOf(destination.name, jobId, completion)], message: null }
    const manifest = { key: `${jobId}/manifest`, body: JSON.stringify({ ...completion, objects }), begunAt: parts.process.decidedAt }
    for (;;) {
      try {
        await storeObject(parts, manifest)
        return { jobId, records: [], message: null }
      } catch (error) {
        if (!(error instanceof SinkFailure)) throw error
        await delay(parts.process, MANIFEST_RETRY_MS, signal)
      }
    }
  }
}

function generatedBy({ dispatch, operations }: Effect<'PublishResult'>, failed: readonly RoutedOperation[]): GeneratedSteps | null {
  const [operation] = operations.load()
  if (dispatch.generator === null || failed.length > 0 || operation === undefined) return null
  return { source: String(operation.operationId), ...yieldOf(operation), authorization: dispatch.authorization, generator: operation }
}

function failedOf(operations: readonly RoutedOperation[], results: readonly OperationResult[]): readonly RoutedOperation[] {
  const failed = new Set(results.filter(({ code }) => !isSuccess(code)).map(({ operationId }) => operationId))
  return operations.filter(({ operationId }) => failed.has(operationId))
}

// Two records, where it can be, so that a transaction that is cut in half would show.
function resultRecords(topic: string, { jobId, index }: SubjobOrder, results: readonly OperationResult[]): readonly OutputRecord[] {
  const half = Math.ceil(results.length / 2)
  const parts = [results.slice(0, half), results.slice(half)].filter((part) => part.length > 0)
  return parts.map((part) => recordOf(topic, jobId, { type: 'result', subjob: index, results: part }))
}

function recordOf(topic: string, jobId: string, value: ResultValue): OutputRecord {
  return { topic, key: jobId, value: Buffer.from(JSON.stringify(value)) }
}

async function ask<T>(
  process: SimulatedProcess,
  network: Network,
  serve: () => Answer<T>,
  sent: () => void = () => undefined,
): Promise<Answer<T>> {
  try {
    return await process.call(network, serve, sent)
  } catch (error) {
    if (!(error instanceof LostMessage)) throw error
    return { ok: false, failure: noAnswer, retryAfterMs: 0 }
  }
}

function failedCall(
  effect: DispatcherEffect,
  answer: { readonly failure: CallFailure; readonly retryAfterMs: number },
): Completion<'CallFailed'> {
  return { type: 'CallFailed', ...replyTo(effect), failure: answer.failure, retryAfterMs: answer.retryAfterMs }
}

function replyTo({ subjobId, run, attempt }: DispatcherEffect): Reply {
  return { subjobId, run, attempt }
}
