import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Allotment, Capacity } from './capacity.ts'

describe('cores and memory', () => {
  it('are refused while they are not free', () => {
    const capacity = new Capacity([0, 2], 100)
    expect(capacity.take({ cores: 1, memoryMB: 60 })).toEqual({ cores: [0], memoryMB: 60 })
    expect(capacity.take({ cores: 1, memoryMB: 60 })).toBeNull()
    expect(capacity.take({ cores: 2, memoryMB: 1 })).toBeNull()
    expect(capacity.take({ cores: 1, memoryMB: 40 })).toEqual({ cores: [2], memoryMB: 40 })
  })

  it('are never given to two, and all of them come back', () => {
    const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max })
    const needs = fc.array(fc.record({ cores: upTo(5), memoryMB: upTo(120), back: fc.boolean() }))
    fc.assert(
      fc.property(needs, (steps) => {
        const capacity = new Capacity([0, 1, 2, 3], 100)
        const given: Allotment[] = []
        for (const { back, ...need } of steps) {
          const first = back ? given.shift() : undefined
          if (first !== undefined) capacity.giveBack(first)
          const taken = capacity.take(need)
          if (taken !== null) given.push(taken)
          const cores = given.flatMap((each) => each.cores)
          const memory = given.reduce((sum, each) => sum + each.memoryMB, 0)
          expect(new Set(cores).size).toBe(cores.length)
          expect(capacity.free).toEqual({ cores: 4 - cores.length, memoryMB: 100 - memory })
        }
        for (const each of given) capacity.giveBack(each)
        expect(capacity.take({ cores: 4, memoryMB: 100 })).toEqual({ cores: [0, 1, 2, 3], memoryMB: 100 })
      }),
    )
  })
})
