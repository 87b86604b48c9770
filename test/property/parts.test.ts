import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AddOperations, SubmitJob } from '../../src/domain/messages.ts'
import { handedOut, jobInParts, type PartsOfJob, PartsWorld, wholeJob } from './parts-world.ts'
import { picks } from './stage-inputs.ts'

const path = fc.constantFrom('/a', '/a', '/b', '/b', '/unknown')
const parts: fc.Arbitrary<PartsOfJob> = fc.array(fc.array(path, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 })
const jobs = fc.array(fc.record({ parts, isWhole: fc.boolean() }), { minLength: 1, maxLength: 4 })

type Command = SubmitJob | AddOperations
type JobToSubmit = { readonly parts: PartsOfJob; readonly isWhole: boolean }

/** The records of all jobs, those of each in order, the jobs among each other as the numbers choose. */
function mixed(all: readonly JobToSubmit[], order: readonly number[]): readonly Command[] {
  const rest = all.map((job, n) => (job.isWhole ? [wholeJob(`job-${n}`, job.parts)] : [...jobInParts(`job-${n}`, job.parts)]))
  const records: Command[] = []
  for (let at = 0; rest.some((each) => each.length > 0); at += 1) {
    const waiting = rest.filter((each) => each.length > 0)
    records.push(waiting[order[at % order.length]! % waiting.length]!.shift()!)
  }
  return records
}

async function handedOutWhole(all: readonly JobToSubmit[]): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const world = await PartsWorld.begin(all.map((job, n) => wholeJob(`job-${n}`, job.parts)))
  world.finish()
  return handedOut(world.dispatched)
}

describe('jobs in parts', () => {
  it('give each producer the operations that the whole jobs give it, in the same order, whatever is lost and begun again', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, picks, picks, async (all, order, choices) => {
        const world = await PartsWorld.begin(mixed(all, order))
        for (const pick of choices.slice(0, 60)) await world.choose(pick)
        world.finish()
        expect(handedOut(world.dispatched)).toEqual(await handedOutWhole(all))
        expect([...world.jobStates.values()]).toEqual(all.map(() => 'concluding'))
      }),
      { numRuns: 300 },
    )
  })

  it('are taken in once, record by record, wherever a life of the lane ended and whatever the group has forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, picks, picks, async (all, order, choices) => {
        const records = mixed(all, order)
        const world = await PartsWorld.begin(records)
        for (const pick of choices.slice(0, 60)) {
          await world.choose(pick)
          expect(Math.max(...world.taken)).toBeLessThanOrEqual(1)
        }
        world.finish()
        expect(world.taken).toEqual(records.map(() => 1))
      }),
      { numRuns: 200 },
    )
  })
})
