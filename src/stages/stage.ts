/**
 * What a lane runs: a stage's state for one partition, without I/O. A lane feeds it records, timers and completed effects
 * and writes down what it says (src/kafka/lane.ts); the simulator feeds it the same.
 */
import type { Message } from '../domain/messages.ts'
import type { InputRecord, OutputRecord } from '../kafka/port.ts'
import type { StageTimer } from './timer-queue.ts'

/** The topics that a stage may write to by name. */
export type StageTopic = 'commands' | 'subjobs' | 'subjobEvents' | 'jobs' | 'callbacks'

export interface Stage<Effect, Completion> {
  /** An entry of the changelog, in the order of writing, and when that was; null means that the key was deleted. */
  restore(key: string, entry: Message | null, writtenAt: number): void
  /** All entries were restored: sets timers and starts effects again. */
  restored(turn: Turn<Effect>): void
  takeRecord(record: InputRecord, message: Message, turn: Turn<Effect>): void
  /**
   * A record that was taken before a restart, read again because one at or before it was kept: of interest if it was kept itself.
   * All else that it led to is in the changelog or written.
   */
  takeAgain?(record: InputRecord, message: Message, turn: Turn<Effect>): void
  /** Offset of the first record of the first input that is kept for later, and not in the changelog; null when none is. */
  keptFrom?(): number | null
  /**
   * Whether something that the last turn has looked up outside was not there, and the next is to begin with the latest that there is
   * (LaneStage.beforeTurn).
   */
  hasMissed?(): boolean
  takeTimer(timer: RungTimer, turn: Turn<Effect>): void
  takeCompletion(completion: Completion, turn: Turn<Effect>): void
  /** The lane has ended: what is held outside of the heap is given back. */
  close?(): void
  /** Work that is held in memory; above the lane's bound no more records are read until it falls. */
  load(): number
}

/** One step of a lane: everything said during it becomes true at once, or not at all. */
export interface Turn<Effect> {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Changes the stage's own state: what {@link Stage.restore} is given after a restart. */
  store(key: string, entry: Message | null): void
  publish(to: StageTopic, key: string, message: Message | null, options?: PublishOptions): void
  /** Writes records that are ready as they are, to a client's topic above all. */
  deliver(records: readonly OutputRecord[]): void
  /** Sets the input aside for people to look at: the partition moves on. */
  deadLetter(record: InputRecord, cause: string): void
  /** Work outside of Kafka; begun once the turn is committed, its outcome comes back as a completion. */
  start(effect: Effect): void
  /** The same for work that changes nothing outside, and so need not wait for the commit. */
  ask(effect: Effect): void
  /** Sets the timer, or moves it. */
  wake(timer: StageTimer, at: number): void
  /** The timer does not ring any more. */
  unset(timer: StageTimer): void
}

/** What there is to know of a timer that rings. */
export type RungTimer = Pick<StageTimer, 'kind' | 'key'>

export interface PublishOptions {
  readonly partition?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Carries out effects. Expected failures are completions; a rejected promise is a defect and restarts the lane. */
export type EffectRunner<Effect, Completion> = (effect: Effect, signal: AbortSignal) => Promise<Completion>
