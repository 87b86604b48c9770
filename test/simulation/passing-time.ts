import { afterAll, beforeAll } from 'vitest'
import type { Scheduler } from './scheduler.ts'

/**
 * Lets simulated time pass for the tests of this file by itself, as real time does: whatever a test waits for comes as soon as all
 * that is due before it has happened. So a suite that was written for real servers runs against simulated ones, within no time.
 */
export function letTimePass(scheduler: Scheduler): void {
  let isOver = false
  let passing = Promise.resolve()

  beforeAll(() => {
    passing = pass()
  })

  afterAll(async () => {
    isOver = true
    await passing
  })

  // While nothing is due, somebody outside may set off the next event at any moment.
  async function pass(): Promise<void> {
    while (!isOver) await scheduler.run(Infinity, () => isOver)
  }
}
