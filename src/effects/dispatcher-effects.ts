import { type Failpoint, passFailpoint } from '../runtime/failpoints.ts'
import { OperationsReleased } from '../stages/operation-store.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../stages/dispatcher/subjob-calls.ts'
import type { EffectRunner } from '../stages/stage.ts'
import { type DmiCalls, replyTo } from './dmi-calls.ts'
import type { Publications } from './publications.ts'

const failpoints: Record<DispatcherEffect['type'], readonly [before: Failpoint, after: Failpoint]> = {
  SubmitSubjob: ['effect.submit.before', 'effect.submit.after'],
  PollSubjob: ['effect.poll.before', 'effect.poll.after'],
  CancelSubjob: ['effect.cancel.before', 'effect.cancel.after'],
  PublishResult: ['effect.publish.before', 'effect.publish.after'],
}

/** Carries out what the dispatcher decided. */
export function dispatcherEffects(
  calls: Pick<DmiCalls, 'submit' | 'poll' | 'cancel'>,
  publications: Pick<Publications, 'publish'>,
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
    const [before, after] = failpoints[effect.type]
    passFailpoint(before, effect.subjobId)
    try {
      const completion = await run(effect, signal)
      passFailpoint(after, effect.subjobId)
      return completion
    } catch (error) {
      if (!(error instanceof OperationsReleased)) throw error
      // The subjob ended while the call waited for its turn, and nobody waits for an answer.
      return { type: 'CancelAnswered', ...replyTo(effect), again: false }
    }
  }
}
