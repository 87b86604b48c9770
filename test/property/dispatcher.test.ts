import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dispatchesOf, DispatcherWorld, endingOf, idOf, newDispatcher } from './dispatcher-world.ts'
import { compactionOf, keeps, picks, restoredFrom, said } from './stage-inputs.ts'

const numbers = fc.array(fc.noBias(fc.nat({ max: 999 })), { minLength: 1, maxLength: 25, size: 'max' })

describe('subjobs at their producers', () => {
  it('end as they must, each once, whatever the interleaving, the repetitions, the restarts and the compaction', () => {
    fc.assert(
      fc.property(numbers, picks, keeps, (chosen, choices, keep) => {
        const dispatches = dispatchesOf(chosen)
        const world = new DispatcherWorld(dispatches, keep)
        for (const pick of choices) world.choose(pick)
        world.finish()
        expect(world.endings).toEqual(new Map(dispatches.map((each) => [idOf(each), endingOf(each)])))
      }),
      { numRuns: 400 },
    )
  })

  it('are read back alike from a changelog, whatever compaction left of it', () => {
    fc.assert(
      fc.property(numbers, picks, keeps, (chosen, choices, keep) => {
        const world = new DispatcherWorld(dispatchesOf(chosen), [true])
        for (const pick of choices) world.choose(pick)
        const { changelog, now } = world.run
        const full = newDispatcher()
        const compact = newDispatcher()
        const expected = said(restoredFrom(full, changelog, now))
        expect(said(restoredFrom(compact, compactionOf(changelog, (at) => keep[at % keep.length] === true), now))).toEqual(expected)
        expect(compact.load()).toBe(full.load())
      }),
      { numRuns: 200 },
    )
  })
})
