/**
 * Whole worlds from seeds: real lanes and stages on a simulated broker, with crashes, zombies, lost messages and rebalances.
 * More seeds: `node scripts/simulate.ts --seeds N`.
 */
import { describe, expect, it } from 'vitest'
import { replayOf, simulate } from './simulate.ts'

const SEEDS = 300
const SEEDS_PER_TEST = 50

describe('whatever goes wrong, every accepted job ends and every operation is reported once', () => {
  for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST) {
    const seeds = Array.from({ length: SEEDS_PER_TEST }, (_, at) => first + at)
    it(`from the seeds ${first} to ${seeds.at(-1)}`, async () => {
      let jobs = 0
      for (const seed of seeds) {
        const report = await simulate(seed)
        expect(report.violations, replayOf(seed)).toEqual([])
        jobs += report.jobs
      }
      expect(jobs).toBeGreaterThan(SEEDS_PER_TEST)
    })
  }

  it('and the same seed is the same run', async () => {
    const [one, other] = [await simulate(7), await simulate(7)]
    expect(one.trace).toEqual(other.trace)
    expect(one.events).toBe(other.events)
  })
})
