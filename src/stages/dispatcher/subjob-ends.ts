/** How a subjob is brought to an end before its producer has finished: by its deadline, or since it was asked for. */
import { callOf, deadlineOf, type SubjobEntry, timerOf } from './subjob-entry.ts'
import type { Turn } from '../stage.ts'
import type { DispatcherEffect } from './subjob-calls.ts'

export function setDeadline(id: string, entry: SubjobEntry, subjobTimeoutMs: (service: string) => number, turn: Turn<never>): void {
  const deadline = entry.dispatch.refusal === null ? deadlineOf(entry, subjobTimeoutMs) : null
  if (deadline !== null) turn.wake(timerOf(id, entry, 'deadline'), deadline.at)
}

/** Asks its producer to stop it, if it has it and is to. */
export function askToStop(id: string, entry: SubjobEntry, turn: Turn<DispatcherEffect>): void {
  const { subjob } = entry
  if (subjob.state !== 'polling' || subjob.stop === null) return
  turn.start({ type: 'CancelSubjob', dataProducerJobId: subjob.dataProducerJobId, ...callOf(id, entry) })
}
