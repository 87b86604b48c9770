/**
 * Named moments at which a process may be gone, or anything else go wrong, published on channels of node:diagnostics_channel.
 * The product does no more than pass them; without a subscriber that costs one look at a flag. test/harness/failpoint.ts kills
 * a process there.
 */
import { channel } from 'node:diagnostics_channel'

/** Each with what has happened, and what has not. The channel is named `datajob.` and the name. */
export const FAILPOINTS = {
  'lane.claim.after': 'a lane has fenced its predecessor, and read none of its changelog',
  'lane.restore.after': 'a lane has its state again, and has begun nothing of what was under way',
  'lane.commit.before': 'a turn was decided, and none of it is written',
  'transaction.end.before': 'all records of a transaction are sent, and it is still open',
  'lane.commit.after': 'a turn was committed, and nothing that it decided to do outside has begun',
  'effect.submit.before': 'a subjob is about to be submitted to its producer',
  'effect.submit.after': 'a producer has answered a submission, and nobody has written that down',
  'effect.poll.before': 'a producer is about to be asked for a status',
  'effect.poll.after': 'a producer has said how far it is',
  'effect.cancel.before': 'a producer is about to be asked to stop',
  'effect.cancel.after': 'a producer has answered that it stops, and nobody has written that down',
  'effect.publish.before': 'a result is about to be fetched',
  'effect.publish.after': 'a result is ready for its transaction, or in its bucket',
  'effect.conclude.before': 'a job has ended, and its last word is not written',
  'effect.conclude.after': 'the last word on a job is in the bucket, or ready for its transaction',
  'sink.put.before': 'an object is complete here, and unknown to the store',
  'sink.put.after': 'the store has an object, and no record names it',
  'upload.write.before': 'a job too large for a record has come, and none of it is written',
  'upload.write.after': 'a job too large for a record was committed, and its client has no answer',
  'command.write.before': 'a command was checked, and is not written',
  'command.write.after': 'a command was acknowledged, and its client has no answer',
  'projector.apply.before': 'records were read, and are not in the read model',
  'projector.apply.after': 'rows and positions are in the read model, and nobody who waits has heard of it',
} as const

export type Failpoint = keyof typeof FAILPOINTS

const channels = new Map(Object.keys(FAILPOINTS).map((name) => [name, channel(`datajob.${name}`)]))

/** @param detail whose moment it is: a stage, a transactional id, a key; subscribers get it */
export function passFailpoint(name: Failpoint, detail: string): void {
  const at = channels.get(name)
  if (at?.hasSubscribers === true) at.publish(detail)
}
