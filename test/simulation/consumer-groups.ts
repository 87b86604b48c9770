/** The broker's group coordinator with the eager protocol: all members join again before any of them has the next assignment. */
import type { Timers } from '../../src/runtime/clock.ts'
import type { Random } from '../../src/runtime/random.ts'

export const SESSION_TIMEOUT_MS = 10_000
const REBALANCE_TIMEOUT_MS = 4_000

/** Hears of a new generation. Sent once all members have joined; what it calls is the member's own affair. */
export type Assigned = (generation: number, partitions: readonly number[]) => void

export type HeartbeatAnswer = 'confirmed' | 'rejoin' | 'unknown'

interface Member {
  assigned: Assigned
  hasJoined: boolean
  seenAt: number
}

export interface ConsumerGroupOptions {
  readonly timers: Timers
  readonly now: () => number
  readonly random: Random
  readonly partitions: number
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

  join(memberId: string, assigned: Assigned): void {
    if (!this.#isJoining) this.#beginRound()
    this.#members.set(memberId, { assigned, hasJoined: true, seenAt: this.#options.now() })
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
    const shift = Math.floor(this.#options.random() * Math.max(1, members.length))
    for (const [at, member] of members.entries()) {
      const mine = Array.from({ length: this.#options.partitions }, (_, partition) => partition).filter(
        (partition) => (partition + shift) % members.length === at,
      )
      member.assigned(this.#generation, mine)
    }
  }

  #watchSessions(): void {
    this.#options.timers.after(1_000, () => {
      const now = this.#options.now()
      for (const [id, member] of this.#members) if (member.seenAt + SESSION_TIMEOUT_MS < now) this.leave(id)
      this.#watchSessions()
    })
  }
}
