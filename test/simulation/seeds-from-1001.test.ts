import { describe, it } from 'vitest'
import { expectPromisesKept } from './expect-kept.ts'

describe('whatever goes wrong, every accepted job ends and every operation is reported once', () => {
  for (let first = 1_001; first < 2_001; first += 50) {
    it(`from the seeds ${first} to ${first + 49}`, () => expectPromisesKept(first, 50))
  }
})
