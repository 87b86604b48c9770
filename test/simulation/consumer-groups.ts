/** The broker's group coordinator with the eager protocol: all members join again before any of them has the next assignment. */
import { assignLanes, type LaneMember } from '../../src/kafka/kafkajs/assign-lanes.ts'
import type { Timers } from '../../src/runtime/clock.ts'
import type { Random } from '../../src/runtime/random.ts'

export const SESSION_TIMEOUT_MS = 10_000
const REBALANCE_TIMEOUT_MS = 4_000

/** Hears of a new generation. Sent once all members have joined; what it calls is the member's own affair. */
export type Assigned = (generation: number, partitions: readonly number[]) => void

export type HeartbeatAnswer = 'confirmed' | 'rejoin' | 'unknown'

/** What a member says when it joins. */
export interface Joining extends LaneMember {
  /** How many lanes there are. */
  readonly count: number
  readonly assigned: Assigned
}

interface Member {
  readonly joining: Joining
  hasJoined: boolean
  seenAt: number
}

export interface ConsumerGroupOptions {
  readonly timers: Timers
  readonly now: () => number
  readonly random: Random
  /** The part of the generations in which any lane may go to anybody, whoever had it: members come back that nobody remembers. */
  readonly shuffleRatio: number
}

/** All groups of a broker. */
export class ConsumerGroups {
  readonly #options: ConsumerGroupOptions
  readonly #groups = new Map<string, ConsumerGroup>()

  constructor(options: ConsumerGroupOptions) {
    this.#options = options
  }

  of(groupId: string): ConsumerGroup {
    const group = this.#groups.get(groupId) ?? new ConsumerGroup(this.#options)
    this.#groups.set(groupId, group)
    return group
  }
}

export class ConsumerGroup {
  readonly #options: ConsumerGroupOptions
  readonly #members = new Map<string, Member>()
  #generation = 0
  #isJoining = false
  #round = 0

  constructor(options: ConsumerGroupOptions) {
    this.#options = options
    this.#watchSessions()
  }

  join(joining: Joining): void {
    if (!this.#isJoining) this.#beginRound()
    this.#members.set(joining.memberId, { joining, hasJoined: true, seenAt: this.#options.now() })
    this.#completeRound()
  }

  leave(memberId: string): void {
    if (!this.#members.delete(memberId)) return
    if (!this.#isJoining) this.#beginRound()
    this.#completeRound()
  }

  /** `confirmed` is said only while the member's assignment holds. */
  heartbeat(memberId: string, generation: number): HeartbeatAnswer {
    const member = this.#members.get(memberId)
    if (member === undefined) return 'unknown'
    member.seenAt = this.#options.now()
    return generation === this.#generation && !this.#isJoining ? 'confirmed' : 'rejoin'
  }

  #beginRound(): void {
    this.#isJoining = true
    this.#round += 1
    const round = this.#round
    for (const member of this.#members.values()) member.hasJoined = false
    this.#options.timers.after(REBALANCE_TIMEOUT_MS, () => {
      if (!this.#isJoining || this.#round !== round) return
      for (const [id, member] of this.#members) if (!member.hasJoined) this.#members.delete(id)
      this.#completeRound()
    })
  }

  #completeRound(): void {
    const members = [...this.#members.values()]
    if (!members.every((member) => member.hasJoined)) return
    this.#isJoining = false
    this.#generation += 1
    const joined = members.map(({ joining }) => joining)
    const count = joined[0]?.count ?? 0
    const lanes = assignLanes(count, this.#options.random() < this.#options.shuffleRatio ? this.#shuffled(joined) : joined)
    for (const { memberId, assigned } of joined) assigned(this.#generation, lanes.get(memberId) ?? [])
  }

  #shuffled(members: readonly Joining[]): readonly LaneMember[] {
    const shift = Math.floor(this.#options.random() * members.length)
    return members.map(({ memberId, count }, at) => ({
      memberId,
      generation: this.#generation,
      lanes: Array.from({ length: count }, (_, lane) => lane).filter((lane) => (lane + shift) % members.length === at),
    }))
  }

  #watchSessions(): void {
    this.#options.timers.after(1_000, () => {
      const now = this.#options.now()
      for (const [id, member] of this.#members) if (member.seenAt + SESSION_TIMEOUT_MS < now) this.leave(id)
      this.#watchSessions()
    })
  }
}
