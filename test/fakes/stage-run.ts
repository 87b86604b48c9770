/** Runs a stage turn by turn without a lane: keeps its changelog, its timers, and the effects that nobody has carried out. */
import type { Message } from '../../src/domain/messages.ts'
import type { InputRecord } from '../../src/kafka/port.ts'
import type { Stage } from '../../src/stages/stage.ts'
import { jsonCodec } from './json-codec.ts'
import { recordAt, RecordedTurn, type StoredEntry, timerOf } from './recorded-turn.ts'

export class StageRun<Effect, Completion, Kind extends Stage<Effect, Completion> = Stage<Effect, Completion>> {
  readonly #create: () => Kind
  readonly timers = new Map<string, number>()
  readonly turns: RecordedTurn<Effect>[] = []
  changelog: StoredEntry[] = []
  effects: Effect[] = []
  now = 1_000
  stage: Kind
  #offset = 0

  constructor(create: () => Kind) {
    this.#create = create
    this.stage = create()
  }

  take(message: Message, place: Partial<InputRecord> = {}): RecordedTurn<Effect> {
    const record = recordAt({ offset: this.#offset, timestampMs: this.now, value: jsonCodec.encode(message), ...place })
    this.#offset = record.offset + 1
    return this.#turn((turn) => {
      this.stage.takeRecord(record, message, turn)
    })
  }

  /** A record that was taken before a restart. */
  takeAgain(message: Message, place: Partial<InputRecord>): RecordedTurn<Effect> {
    const record = recordAt({ timestampMs: this.now, value: jsonCodec.encode(message), ...place })
    return this.#turn((turn) => this.stage.takeAgain?.(record, message, turn))
  }

  complete(completion: Completion): RecordedTurn<Effect> {
    return this.#turn((turn) => {
      this.stage.takeCompletion(completion, turn)
    })
  }

  /** Lets the time of the earliest timer come, and rings it. */
  ring(): RecordedTurn<Effect> {
    const [first] = [...this.timers].sort(([, one], [, other]) => one - other)
    if (first === undefined) throw new Error('no timer is set')
    const [id, at] = first
    this.timers.delete(id)
    this.now = Math.max(this.now, at)
    return this.#turn((turn) => {
      this.stage.takeTimer(timerOf(id), turn)
    })
  }

  /** Begins again from a changelog; timers and effects of before are gone. */
  restart(changelog: readonly StoredEntry[] = this.changelog): RecordedTurn<Effect> {
    this.stage = this.#create()
    this.changelog = [...changelog]
    this.timers.clear()
    this.effects = []
    for (const { key, entry, writtenAt = this.now } of changelog) this.stage.restore(key, entry, writtenAt)
    return this.#turn((turn) => {
      this.stage.restored(turn)
    })
  }

  /** Takes the effects that were begun. */
  takeEffects(): readonly Effect[] {
    const effects = this.effects
    this.effects = []
    return effects
  }

  #turn(run: (turn: RecordedTurn<Effect>) => void): RecordedTurn<Effect> {
    const turn = new RecordedTurn<Effect>(this.now)
    run(turn)
    this.turns.push(turn)
    const last = new Map(turn.stored.map(({ key, entry }) => [key, entry]))
    for (const [key, entry] of last) this.changelog.push({ key, entry, writtenAt: this.now })
    for (const { id, at } of turn.wakes) this.timers.set(id, at)
    for (const id of turn.unsets) this.timers.delete(id)
    this.effects.push(...turn.effects)
    return turn
  }
}

/** What compaction may leave of a changelog: the latest entry of each key, in place; deletions too, or not. */
export function compacted(changelog: readonly StoredEntry[], { keepDeletions = true } = {}): readonly StoredEntry[] {
  const latest = new Map(changelog.map((each, at) => [each.key, at]))
  return changelog.filter((each, at) => latest.get(each.key) === at && (keepDeletions || each.entry !== null))
}
