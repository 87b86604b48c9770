/** A dispatcher without a lane, and the replies that move its subjobs on. */
import type { DispatchSubjob } from '../../src/domain/messages.ts'
import { ResponseCode } from '../../src/domain/response-code.ts'
import type { CallFailure, Publication } from '../../src/domain/subjob.ts'
import { Dispatcher } from '../../src/stages/dispatcher/dispatcher.ts'
import type { DispatcherOptions } from '../../src/stages/dispatcher/dispatcher-options.ts'
import { openHeapStore } from './heap-store.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../../src/stages/dispatcher/subjob-calls.ts'
import type { RecordedTurn } from './recorded-turn.ts'
import { StageRun } from './stage-run.ts'

const options: DispatcherOptions = {
  worker: 'w1',
  random: () => 0.5,
  polls: { delayMinMs: 100, delayMaxMs: 1_000, elapsedRatio: 0.1, jitterRatio: 0 },
  retries: { delayMinMs: 200, delayMaxMs: 10_000 },
  callFailuresMax: 3,
  store: openHeapStore(),
  subjobTimeoutMs: () => Infinity,
  cancelTimeoutMs: 5_000,
  subjobsInFlightMax: () => 2,
  resumeSpreadMs: 4_000,
  definitionOf: () => null,
  isPaused: () => false,
}

export type DispatcherLane = StageRun<DispatcherEffect, DispatcherCompletion, Dispatcher>

export function dispatcher(changes: Partial<DispatcherOptions> = {}): DispatcherLane {
  return new StageRun(() => new Dispatcher({ ...options, ...changes }))
}

export const retriable: CallFailure = { disposition: 'retry', code: ResponseCode.ServiceNotResponding, message: 'HTTP 503' }
export const hopeless: CallFailure = { disposition: 'reject', code: ResponseCode.Rejected, message: 'HTTP 400' }
export const done: Publication = { succeeded: 1, failed: 0, object: null, message: null }

export function submit(lane: DispatcherLane, dispatch: DispatchSubjob): void {
  lane.take(dispatch)
  const subjobId = `${dispatch.jobId}/${dispatch.index}`
  lane.complete({ type: 'Submitted', subjobId, run: 1, attempt: 1, dataProducerJobId: 'dpj' })
  lane.takeEffects()
}

export function finish(lane: DispatcherLane, dispatch: DispatchSubjob): void {
  lane.take(dispatch)
  finishSubmitted(lane, `${dispatch.jobId}/${dispatch.index}`)
  lane.takeEffects()
}

export function finishSubmitted(lane: DispatcherLane, subjobId: string): void {
  const attempt = 1
  lane.complete({ type: 'Submitted', subjobId, run: 1, attempt, dataProducerJobId: 'dpj' })
  lane.takeEffects()
  lane.complete({ type: 'Polled', subjobId, run: 1, attempt, status: 'finished' })
}

export function publish(lane: DispatcherLane, subjobId: string, publication: Publication = done): RecordedTurn<DispatcherEffect> {
  const attempt = lane.effects.findLast((each) => each.subjobId === subjobId)?.attempt ?? 1
  return lane.complete({ type: 'Published', subjobId, run: 1, attempt, records: [], publication, failedOperations: [], generated: null })
}

/** Carries every effect out at once, and well; the subjobs in the order in which they were submitted or found to work. */
export function drain(lane: DispatcherLane): readonly string[] {
  const seen = new Set<string>()
  for (;;) {
    const [effect] = lane.effects.splice(0, 1)
    if (effect === undefined) {
      if (lane.stage.load() === 0) return [...seen]
      lane.ring()
      continue
    }
    seen.add(effect.subjobId)
    lane.complete(answerTo(effect))
  }
}

export function answerTo(effect: DispatcherEffect): DispatcherCompletion {
  const { subjobId, run, attempt } = effect
  switch (effect.type) {
    case 'SubmitSubjob':
      return { type: 'Submitted', subjobId, run, attempt, dataProducerJobId: 'dpj' }
    case 'PollSubjob':
      return { type: 'Polled', subjobId, run, attempt, status: 'finished' }
    case 'CancelSubjob':
      return { type: 'CancelAnswered', subjobId, run, attempt, again: false }
    case 'PublishResult':
      return { type: 'Published', subjobId, run, attempt, records: [], publication: done, failedOperations: [], generated: null }
  }
}
