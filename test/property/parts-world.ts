/**
 * A coordinator's lane on logs that are given: turns that are committed or lost, and lives that begin again from the changelog and from
 * the positions, wherever they stand. What it handed out is what its committed turns said.
 */
import type { AddOperations, DispatchSubjob, Message, SubjobEnded, SubmitJob } from '../../src/domain/messages.ts'
import { InputPositions, positionsWith, type StoredPositions } from '../../src/kafka/input-positions.ts'
import type { KafkaAdmin, Position } from '../../src/kafka/port.ts'
import { PORTION } from '../../src/stages/coordinator/part-intake.ts'
import type { ConcludeJob } from '../../src/stages/coordinator/conclusion.ts'
import type { Coordinator } from '../../src/stages/coordinator/coordinator.ts'
import { coordinator, HOME } from '../fakes/coordinator-lane.ts'
import { exampleOperation, exampleSubmission } from '../fakes/domain-examples.ts'
import { jsonCodec } from '../fakes/json-codec.ts'
import { recordAt, RecordedTurn, type StoredEntry } from '../fakes/recorded-turn.ts'
import { entriesOf } from './stage-inputs.ts'

const COMMANDS = 'datajob.commands'
const EVENTS = 'datajob.subjob-events'
const CHANGELOG = 'datajob.coordinator-changelog'

/** The paths of each part's operations. */
export type PartsOfJob = readonly (readonly string[])[]

export function wholeJob(jobId: string, parts: PartsOfJob): SubmitJob {
  return exampleSubmission({ jobId, operations: operationsOf(parts).flat() })
}

export function jobInParts(jobId: string, parts: PartsOfJob): readonly (SubmitJob | AddOperations)[] {
  const operationCount = parts.flat().length
  const announced = exampleSubmission({ jobId, operations: [], submission: jobId, parts: parts.length, operationCount })
  const records = operationsOf(parts).map((operations, part): AddOperations => {
    return { type: 'AddOperations', submission: jobId, part, authorization: null, operations }
  })
  return [announced, ...records]
}

function operationsOf(parts: PartsOfJob): readonly SubmitJob['operations'][] {
  let count = 0
  return parts.map((paths) => paths.map((path) => exampleOperation({ operationId: count++, path })))
}

/** The operations of each job at each producer, in the order in which they were handed out. */
export function handedOut(dispatches: readonly DispatchSubjob[]): ReadonlyMap<string, readonly unknown[]> {
  const found = new Map<string, unknown[]>()
  for (const { jobId, producerKey, operations } of dispatches) {
    const place = `${jobId} ${producerKey}`
    found.set(place, [...(found.get(place) ?? []), ...operations])
  }
  return found
}

export class PartsWorld {
  readonly dispatched: DispatchSubjob[] = []
  readonly jobStates = new Map<string, string>()
  /** How often each command was taken in as a new one, by its offset. */
  readonly taken: number[]
  readonly #commands: readonly (SubmitJob | AddOperations)[]
  readonly #events: SubjobEnded[] = []
  readonly #open: DispatchSubjob[] = []
  #changelog: readonly StoredEntry[] = []
  #stored: StoredPositions = { offsets: new Map(), topicIds: new Map() }
  #committed: ReadonlyMap<string, number> = new Map()
  #stage: Coordinator
  #positions: InputPositions
  readonly #next = new Map<string, number>()
  /** What turns have taken that had nothing to write. */
  readonly #unwritten: number[] = []
  #hasPortion = false

  private constructor(commands: readonly (SubmitJob | AddOperations)[]) {
    this.#commands = commands
    this.taken = commands.map(() => 0)
    this.#stage = coordinator().stage
    this.#positions = this.#newPositions()
  }

  static async begin(commands: readonly (SubmitJob | AddOperations)[]): Promise<PartsWorld> {
    const world = new PartsWorld(commands)
    await world.restart()
    return world
  }

  async choose(pick: number): Promise<void> {
    const choice = pick % 8
    const which = Math.floor(pick / 8)
    if (choice < 4) this.turn(which % 4)
    else if (choice < 6) this.report(which)
    else if (choice === 6) await this.#lose(which % 4)
    else await this.#forgetAndRestart(which % 3 === 0)
  }

  /** Goes on until all is read, and nothing waits or is open. */
  finish(): void {
    for (let left = 500; this.#isBusy(); left -= 1) {
      if (left === 0) throw new Error('parts are stuck')
      this.report(left)
      this.turn(3)
    }
  }

  /** A turn that is committed. */
  turn(count: number): void {
    const before = new Map(this.#next)
    const { turn, fresh } = this.#run(count)
    this.#unwritten.push(...fresh)
    const taken = [...this.#next].filter(([topic, offset]) => offset !== before.get(topic)).map(([topic, offset]) => ({ topic, offset }))
    const keptFrom = this.#stage.keptFrom()
    if (turn.stored.length + turn.published.length === 0 && this.#positions.skips(taken, keptFrom)) {
      this.#commit(turn)
      return
    }
    for (const offset of this.#unwritten.splice(0)) this.taken[offset]! += 1
    const { offsets, records } = this.#positions.advance(taken, keptFrom)
    this.#committed = new Map([...this.#committed, ...offsets.map(({ topic, offset }) => [topic, offset] as const)])
    for (const { key, value } of records) this.#stored = positionsWith(this.#stored, String(key), value) ?? this.#stored
    this.#commit(turn)
  }

  report(which: number): void {
    const [dispatch] = this.#open.splice(which % Math.max(1, this.#open.length), 1)
    if (dispatch === undefined) return
    const { jobId, index, run, operations } = dispatch
    const result = { outcome: 'succeeded', succeeded: operations.length, failed: 0 } as const
    const rest = { object: null, message: null, attempts: [], at: 1, failedOperations: [], generated: null }
    this.#events.push({ type: 'SubjobEnded', jobId, index, run, ...result, ...rest })
  }

  async restart(): Promise<void> {
    this.#stage = coordinator().stage
    for (const { key, entry } of this.#changelog) this.#stage.restore(key, entry)
    this.#positions = this.#newPositions()
    await this.#positions.readCommitted()
    await this.#positions.begin(this.#stored)
    for (const { topic, offset } of this.#positions.all()) this.#next.set(topic, offset)
    this.#hasPortion = false
    this.#unwritten.length = 0
    const turn = new RecordedTurn<ConcludeJob>(1)
    this.#stage.restored(turn)
    this.#commit(turn)
  }

  // The turn was made in memory, and its transaction was not.
  async #lose(count: number): Promise<void> {
    this.#run(count)
    await this.restart()
  }

  async #forgetAndRestart(isForgotten: boolean): Promise<void> {
    if (isForgotten) this.#committed = new Map()
    await this.restart()
  }

  #run(count: number): { turn: RecordedTurn<ConcludeJob>; fresh: readonly number[] } {
    const turn = new RecordedTurn<ConcludeJob>(1)
    const fresh: number[] = []
    for (let left = this.#stage.load() === Infinity ? 0 : count; left > 0; left -= 1) {
      const offset = this.#nextOf(COMMANDS)
      const message = this.#commands[offset]
      if (message === undefined) break
      this.#next.set(COMMANDS, offset + 1)
      const record = { ...at(COMMANDS, offset), key: Buffer.from(keyOf(message)), value: jsonCodec.encode(message) }
      if (this.#positions.wasTaken(record)) {
        this.#stage.takeAgain(record, message, turn)
      } else {
        this.#stage.takeRecord(record, message, turn)
        fresh.push(offset)
      }
    }
    for (const message of this.#events.slice(this.#nextOf(EVENTS))) {
      this.#stage.takeRecord(at(EVENTS, this.#nextOf(EVENTS)), message, turn)
      this.#next.set(EVENTS, this.#nextOf(EVENTS) + 1)
    }
    if (this.#hasPortion) this.#stage.takeTimer({ kind: PORTION, key: '' }, turn)
    return { turn, fresh }
  }

  #commit(turn: RecordedTurn<ConcludeJob>): void {
    this.#changelog = [...this.#changelog, ...entriesOf(turn)]
    this.#hasPortion = turn.wakes.some(({ id }) => id === `${PORTION}:`)
    this.dispatched.push(...turn.messages('DispatchSubjob'))
    this.#open.push(...turn.messages('DispatchSubjob'))
    for (const { job } of turn.messages('JobChanged')) this.jobStates.set(job.jobId, job.state)
    if (turn.deadLetters.length > 0) throw new Error(turn.deadLetters[0]?.cause)
  }

  #isBusy(): boolean {
    const isRead = this.#nextOf(COMMANDS) === this.#commands.length && this.#nextOf(EVENTS) === this.#events.length
    return !isRead || this.#open.length > 0 || this.#hasPortion
  }

  #nextOf(topic: string): number {
    return this.#next.get(topic) ?? 0
  }

  #newPositions(): InputPositions {
    const inputs = [COMMANDS, EVENTS] as const
    const here = (topic: string, offset: number): Position => ({ topic, partition: HOME, offset })
    const ends = { [COMMANDS]: () => this.#commands.length, [EVENTS]: () => this.#events.length }
    const admin: Pick<KafkaAdmin, 'committedOffsets' | 'startOffsets' | 'endOffsets'> = {
      committedOffsets: () => Promise.resolve(inputs.map((topic) => here(topic, this.#committed.get(topic) ?? -1))),
      startOffsets: (topic) => Promise.resolve([here(topic, 0)]),
      endOffsets: (topic) => Promise.resolve([here(topic, ends[topic as keyof typeof ends]())]),
    }
    const options = { groupId: 'g', inputs, changelog: CHANGELOG, topicIds: new Map<string, string>(), partition: HOME }
    return new InputPositions({ ...options, admin: admin as KafkaAdmin })
  }
}

function at(topic: string, offset: number): ReturnType<typeof recordAt> {
  return recordAt({ topic, partition: HOME, offset })
}

function keyOf(message: Message): string {
  if (message.type === 'AddOperations') return message.submission
  return message.type === 'SubmitJob' ? String(message.jobId) : ''
}
