/** What every clock and its timers promise (src/runtime/clock.ts). */
import { describe, expect, it } from 'vitest'
import type { Clock, Timers } from '../../src/runtime/clock.ts'

export interface TimersUnderTest {
  readonly clock: Clock
  readonly timers: Timers
}

/** A clock shows whole milliseconds, and a timer may be due within one. */
const CLOCK_STEP_MS = 1
const LONGEST_MS = 2 ** 40

/** Time must pass by itself while a test waits. */
export function exerciseTimers(name: string, { clock, timers }: TimersUnderTest): void {
  describe(`timers of ${name}`, () => {
    const passed = (ms: number): Promise<void> => new Promise((resolve) => void timers.after(ms, resolve))

    it('fire once, when their time has come by the clock', async () => {
      const start = clock.now()
      const fired: number[] = []
      timers.after(20, () => fired.push(clock.now() - start))
      await passed(60)
      expect(fired).toHaveLength(1)
      expect(fired[0]).toBeGreaterThanOrEqual(20 - CLOCK_STEP_MS)
      expect(clock.now() - start).toBeGreaterThanOrEqual(60 - CLOCK_STEP_MS)
    })

    it('fire in the order of their times; of those for the same time, the one that was set first', async () => {
      const fired: string[] = []
      const set = [[40, 'late'], [5, 'early'], [20, 'first'], [20, 'second']] as const
      for (const [ms, what] of set) timers.after(ms, () => fired.push(what))
      await passed(80)
      expect(fired).toEqual(['early', 'first', 'second', 'late'])
    })

    it('never fire within the call that sets them, and at the next moment when they are due already', async () => {
      const fired: number[] = []
      for (const ms of [0, -1_000]) timers.after(ms, () => fired.push(ms))
      expect(fired).toEqual([])
      await passed(10)
      expect([...fired].sort()).toEqual([-1_000, 0])
    })

    it('that are cancelled never fire, be it by one that fires before; cancelled late or twice they change nothing', async () => {
      const fired: string[] = []
      const kept = timers.after(5, () => fired.push('kept'))
      const cancelled = timers.after(5, () => fired.push('cancelled'))
      const later = timers.after(30, () => fired.push('later'))
      timers.after(10, () => {
        later.cancel()
      })
      cancelled.cancel()
      cancelled.cancel()
      await passed(60)
      kept.cancel()
      expect(fired).toEqual(['kept'])
    })

    it('may be set by one that fires, and fire after it', async () => {
      const start = clock.now()
      const steps: number[] = []
      await new Promise<void>((resolve) => {
        const step = (): void => {
          steps.push(clock.now() - start)
          if (steps.length < 3) timers.after(10, step)
          else resolve()
        }
        timers.after(10, step)
      })
      await passed(30)
      expect(steps).toHaveLength(3)
      for (const [at, elapsed] of steps.entries()) expect(elapsed).toBeGreaterThanOrEqual(10 * (at + 1) - 3 * CLOCK_STEP_MS)
    })

    it('for a time that is far away do not fire at once', async () => {
      let hasFired = false
      const far = timers.after(LONGEST_MS, () => {
        hasFired = true
      })
      await passed(20)
      far.cancel()
      expect(hasFired).toBe(false)
    })

    it('have a clock that never goes back', async () => {
      const shown = [clock.now()]
      for (let times = 0; times < 5; times += 1) {
        await passed(2)
        shown.push(clock.now())
      }
      expect(shown).toEqual([...shown].sort((one, other) => one - other))
    })
  })
}
