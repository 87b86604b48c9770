import type { DispatcherCompletion, DispatcherEffect } from '../stages/subjob-calls.ts'
import type { EffectRunner } from '../stages/stage.ts'
import type { DmiCalls } from './dmi-calls.ts'
import type { Publications } from './publications.ts'

/** Carries out what the dispatcher decided. */
export function dispatcherEffects(
  calls: DmiCalls,
  publications: Publications,
): EffectRunner<DispatcherEffect, DispatcherCompletion> {
  return (effect, signal) => {
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
}
