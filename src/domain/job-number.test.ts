import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMMAND_PARTITIONS_MAX, jobNumber, placeOfJobNumber } from './job-number.ts'

const OFFSET_MAX = 2 ** 43 - 1
const places = fc.record({
  partition: fc.integer({ min: 0, max: COMMAND_PARTITIONS_MAX - 1 }),
  offset: fc.maxSafeNat().map((offset) => offset % (OFFSET_MAX + 1)),
})

describe('jobNumber', () => {
  it('is offset times 1024 plus partition', () => {
    expect(jobNumber({ partition: 5, offset: 3 })).toBe(3077)
  })

  it('tells every place from every other, and leads back to it', () => {
    fc.assert(
      fc.property(places, (place) => {
        expect(placeOfJobNumber(jobNumber(place))).toEqual(place)
      }),
    )
  })

  it('stays a number that JSON carries exactly, up to the last place', () => {
    const last = jobNumber({ partition: COMMAND_PARTITIONS_MAX - 1, offset: OFFSET_MAX })
    expect(last).toBe(Number.MAX_SAFE_INTEGER)
  })

  it.each([
    [{ partition: COMMAND_PARTITIONS_MAX, offset: 0 }, /partition 1024 does not fit/],
    [{ partition: -1, offset: 0 }, /partition -1 does not fit/],
    [{ partition: 0, offset: OFFSET_MAX + 1 }, /offset 8796093022208 does not fit/],
    [{ partition: 0, offset: -1 }, /offset -1 does not fit/],
    [{ partition: 0, offset: 0.5 }, /offset 0.5 does not fit/],
  ])('refuses %j, which would be another job\'s number', (place, message) => {
    expect(() => jobNumber(place)).toThrow(message)
  })
})
