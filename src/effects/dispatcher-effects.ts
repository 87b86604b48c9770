import { OperationsReleased } from '../stages/operation-store.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../stages/subjob-calls.ts'
import type { EffectRunner } from '../stages/stage.ts'
import { type DmiCalls, replyTo } from './dmi-calls.ts'
import type { Publications } from './publications.ts'

/** Carries out what the dispatcher decided. */
export function dispatcherEffects(
  calls: DmiCalls,
  publications: Publications,
): EffectRunner<DispatcherEffect, DispatcherCompletion> {
  const run = (effect: DispatcherEffect, signal: AbortSignal): Promise<DispatcherCompletion> => {
    switch (effect.type) {
      case 'SubmitSubjob':
        return calls.submit(effect, signal)
      case 'PollSubjob':
        return calls.poll(effect, signal)
      case 'CancelSubjob':
        return calls.cancel(effect, signal)
      case 'PublishResult':
        return publications.publish(effect, signal)
    }
  }
  return async (effect, signal) => {
    try {
      return await run(effect, signal)
    } catch (error) {
      if (!(error instanceof OperationsReleased)) throw error
      // The subjob ended while the call waited for its turn, and nobody waits for an answer.
      return { type: 'CancelAnswered', ...replyTo(effect), again: false }
    }
  }
}
