import { afterAll, beforeAll } from 'vitest'
import type { Scheduler } from './scheduler.ts'

/**
 * Lets time that does not pass by itself do so while the tests around wait for anything: `pass` is called again and again, and is to come
 * back when it is over. So a suite that was written for real time and real servers runs against simulated ones, within no time.
 */
export function letTimePass(pass: (isOver: () => boolean) => Promise<unknown>): void {
  let isOver = false
  let passing = Promise.resolve()

  beforeAll(() => {
    isOver = false
    passing = goOn()
  })

  afterAll(async () => {
    isOver = true
    await passing
  })

  async function goOn(): Promise<void> {
    while (!isOver) await pass(() => isOver)
  }
}

/** Whatever is waited for comes as soon as all that is due before it has happened. Where nothing is due, a test may set it off yet. */
export function letSchedulerRun(scheduler: Scheduler): void {
  letTimePass((isOver) => scheduler.run(Infinity, isOver))
}
