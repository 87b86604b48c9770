/** Single things that go wrong for a process, in a world in which all else is well: each can be let happen before each of its steps. */
import { SESSION_TIMEOUT_MS } from './consumer-groups.ts'
import type { Slot, World } from './world.ts'

export type Mishap = 'death' | 'standstill' | 'lost request' | 'lost answer' | 'late request'

const RESTART_MS = 700
/** Long enough for others to take over, and short enough for the broker to be left with an open transaction. */
const STANDSTILL_MS = 1.2 * SESSION_TIMEOUT_MS
const LATE_MS = 2_500

export const mishaps: Readonly<Record<Mishap, (world: World, slot: Slot) => void>> = {
  death: (world, slot) => {
    const { process } = slot
    process.kill()
    world.scheduler.after(RESTART_MS, () => {
      world.start(slot)
    })
  },
  standstill: ({ scheduler }, { process }) => {
    process.pause()
    scheduler.after(STANDSTILL_MS, () => {
      process.resume()
    })
  },
  'lost request': (_, { process }) => {
    process.decideNext({ requestDelayMs: null })
  },
  'lost answer': (_, { process }) => {
    process.decideNext({ answerDelayMs: null })
  },
  'late request': (_, { process }) => {
    process.decideNext({ requestDelayMs: LATE_MS })
  },
}
