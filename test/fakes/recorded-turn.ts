/** A turn that keeps what a stage says, as a lane's recorder would, but unencoded. */
import type { Message, MessageType } from '../../src/domain/messages.ts'
import type { InputRecord, OutputRecord } from '../../src/kafka/port.ts'
import type { PublishOptions, RungTimer, StageTopic, Turn } from '../../src/stages/stage.ts'

export interface Published {
  readonly to: StageTopic
  readonly key: string
  readonly message: Message | null
  readonly options: PublishOptions
}

export interface StoredEntry {
  readonly key: string
  readonly entry: Message | null
  /** When its turn was; known of entries in a changelog. */
  readonly writtenAt?: number
}

export class RecordedTurn<Effect> implements Turn<Effect> {
  readonly now: number
  readonly stored: StoredEntry[] = []
  readonly published: Published[] = []
  readonly delivered: OutputRecord[] = []
  readonly deadLetters: { readonly record: InputRecord; readonly cause: string }[] = []
  readonly effects: Effect[] = []
  readonly wakes: { readonly id: string; readonly at: number }[] = []
  /** Timers that are not to ring any more. */
  readonly unsets: string[] = []

  constructor(now: number) {
    this.now = now
  }

  store(key: string, entry: Message | null): void {
    this.stored.push({ key, entry })
  }

  publish(to: StageTopic, key: string, message: Message | null, options: PublishOptions = {}): void {
    this.published.push({ to, key, message, options })
  }

  deliver(records: readonly OutputRecord[]): void {
    this.delivered.push(...records)
  }

  deadLetter(record: InputRecord, cause: string): void {
    this.deadLetters.push({ record, cause })
  }

  start(effect: Effect): void {
    this.effects.push(effect)
  }

  ask(effect: Effect): void {
    this.effects.push(effect)
  }

  wake(timer: RungTimer, at: number): void {
    this.wakes.push({ id: timerId(timer), at })
  }

  unset(timer: RungTimer): void {
    this.unsets.push(timerId(timer))
  }

  /** What was published of one type, in order. */
  messages<Type extends MessageType>(type: Type): readonly Extract<Message, { type: Type }>[] {
    return this.published.flatMap(({ message }) => (message?.type === type ? [message as Extract<Message, { type: Type }>] : []))
  }

  /** Whether nothing was said at all. */
  get silent(): boolean {
    const { stored, published, delivered, deadLetters, effects, wakes } = this
    return [stored, published, delivered, deadLetters, effects, wakes].every((said) => said.length === 0)
  }
}

export function timerId({ kind, key }: RungTimer): string {
  return `${kind}:${key}`
}

export function timerOf(id: string): RungTimer {
  const colon = id.indexOf(':')
  return { kind: id.slice(0, colon), key: id.slice(colon + 1) }
}

export function recordAt(place: Partial<InputRecord> = {}): InputRecord {
  return { topic: 'datajob.commands', partition: 0, offset: 0, key: null, value: null, headers: {}, timestampMs: 1, ...place }
}
