/** One thing goes wrong in small worlds, before each step that a process makes: between any two of its effects. */
import { describe, expect, it } from 'vitest'
import { simulateEverywhere } from './simulate.ts'

describe('every accepted job ends and every operation is reported once, wherever a process', () => {
  it.each([
    { happens: 'dies', mishap: 'death', stride: 1 },
    { happens: 'stands still', mishap: 'standstill', stride: 3 },
    { happens: 'loses a request', mishap: 'lost request', stride: 3 },
    { happens: 'loses an answer', mishap: 'lost answer', stride: 3 },
    { happens: 'sends a request that is late', mishap: 'late request', stride: 3 },
  ] as const)('$happens', { timeout: 900_000 }, async ({ mishap, stride }) => {
    // In the second, jobs are held and released in pieces, and one's client wants to be told of each step.
    for (const seed of [2, 91]) {
      const { violations, worlds } = await simulateEverywhere(seed, mishap, stride)
      expect(violations).toEqual([])
      expect(worlds).toBeGreaterThan(50)
    }
  })
})
