/** A stage's inputs written down, so that the same can be given to several of them. */
import fc from 'fast-check'
import type { Message } from '../../src/domain/messages.ts'
import type { Stage } from '../../src/stages/stage.ts'
import { recordAt, RecordedTurn, type StoredEntry, timerOf } from '../fakes/recorded-turn.ts'

export type StageInput<Completion> = { readonly now: number } & (
  | { readonly type: 'record'; readonly message: Message; readonly offset: number }
  | { readonly type: 'completion'; readonly completion: Completion }
  | { readonly type: 'timer'; readonly id: string }
)

export function give<Effect, Completion>(stage: Stage<Effect, Completion>, input: StageInput<Completion>): RecordedTurn<Effect> {
  const turn = new RecordedTurn<Effect>(input.now)
  if (input.type === 'record') stage.takeRecord(recordAt({ offset: input.offset, timestampMs: input.now }), input.message, turn)
  else if (input.type === 'completion') stage.takeCompletion(input.completion, turn)
  else stage.takeTimer(timerOf(input.id), turn)
  return turn
}

/** The entries of a turn as a lane writes them: of several changes to a key, the last. */
export function entriesOf<Effect>(turn: RecordedTurn<Effect>): readonly StoredEntry[] {
  return Array.from(new Map(turn.stored.map((each) => [each.key, each.entry])), ([key, entry]) => ({ key, entry }))
}

/** What a turn says, without the order of its changes to different keys, which means nothing. */
export function said<Effect>(turn: RecordedTurn<Effect>): object {
  const { now, published, delivered, deadLetters, effects, wakes } = turn
  const stored = entriesOf(turn).toSorted((one, other) => (one.key < other.key ? -1 : 1))
  return { now, published, delivered, deadLetters, effects, wakes, stored }
}

export function restoredFrom<Effect, Completion>(
  stage: Stage<Effect, Completion>,
  changelog: readonly StoredEntry[],
  now: number,
): RecordedTurn<Effect> {
  for (const { key, entry } of changelog) stage.restore(key, entry, now)
  const turn = new RecordedTurn<Effect>(now)
  stage.restored(turn)
  return turn
}

/**
 * Anything that compaction may make of a changelog: entries that a later one of their key replaced are there or not; a last
 * entry that is a deletion may be gone once nothing before it is left.
 */
export function compactionOf(changelog: readonly StoredEntry[], keep: (at: number) => boolean): readonly StoredEntry[] {
  const last = new Map(changelog.map((each, at) => [each.key, at]))
  const kept = changelog.map((each, at) => last.get(each.key) === at || keep(at))
  const survivors = new Set(changelog.filter((each, at) => kept[at] === true && last.get(each.key) !== at).map((each) => each.key))
  return changelog.filter((each, at) => {
    if (kept[at] !== true) return false
    return last.get(each.key) !== at || each.entry !== null || survivors.has(each.key) || keep(at)
  })
}

/** Numbers to make choices with: each picks one of what there is to choose from at that time. */
export const picks = fc.array(fc.noBias(fc.nat({ max: 99_999 })), { minLength: 1, maxLength: 200, size: 'max' })
export const keeps = fc.array(fc.boolean(), { minLength: 1, maxLength: 64 })
