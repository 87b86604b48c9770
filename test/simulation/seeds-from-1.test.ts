/**
 * Whole worlds from seeds: real lanes and stages on a simulated broker, with crashes, zombies, lost messages and rebalances.
 * The other half is in a file of its own, so that both run side by side. More seeds: `npm run simulate -- --seeds N`.
 */
import { describe, expect, it } from 'vitest'
import { expectPromisesKept } from './expect-kept.ts'
import { simulate } from './simulate.ts'

describe('whatever goes wrong, every accepted job ends and every operation is reported once', () => {
  for (let first = 1; first < 1_001; first += 50) {
    it(`from the seeds ${first} to ${first + 49}`, () => expectPromisesKept(first, 50))
  }
})

it('the same seed is the same run', async () => {
  const [one, other] = [await simulate(7), await simulate(7)]
  expect(one.trace).toEqual(other.trace)
  expect(one.events).toBe(other.events)
})
