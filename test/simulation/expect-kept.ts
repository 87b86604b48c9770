import { expect } from 'vitest'
import { replayOf, simulate } from './simulate.ts'

/** Runs the worlds of `count` seeds from `first` on; the first that breaks a promise fails the test with the command that replays it. */
export async function expectPromisesKept(first: number, count: number): Promise<void> {
  let jobs = 0
  for (let seed = first; seed < first + count; seed += 1) {
    const report = await simulate(seed)
    expect(report.violations, replayOf(seed)).toEqual([])
    jobs += report.jobs
  }
  expect(jobs).toBeGreaterThan(count)
}
