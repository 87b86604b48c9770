import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pollDelayMs, retryDelayMs } from './poll-schedule.ts'

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const polls = { delayMinMs: 100, delayMaxMs: 10_000, elapsedRatio: 0.1, jitterRatio: 0.2 }
const retries = { delayMinMs: 100, delayMaxMs: 5_000 }

describe('pollDelayMs', () => {
  it('grows with the time that the work has taken, between its bounds', () => {
    const atHalf = [0, 500, 1_000, 50_000, 100_000, 1e12].map((elapsedMs) => pollDelayMs(polls, elapsedMs, 0.5))
    expect(atHalf).toEqual([100, 100, 100, 5_000, 10_000, 10_000])
  })

  it('varies by the jitter to either side', () => {
    expect([0, 0.25, 0.5, 0.75].map((each) => pollDelayMs(polls, 50_000, each))).toEqual([4_000, 4_500, 5_000, 5_500])
  })

  it('stays within its bounds, widened by the jitter, whatever the clock says', () => {
    fc.assert(
      fc.property(fc.integer(), random, (elapsedMs, chance) => {
        const delayMs = pollDelayMs(polls, elapsedMs, chance)
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(80)
        expect(delayMs).toBeLessThanOrEqual(12_000)
      }),
    )
  })
})

describe('retryDelayMs', () => {
  it('is anything up to a bound that doubles with each failure', () => {
    const almostOne = 0.9999999
    expect([1, 2, 3, 6, 7, 50].map((failures) => retryDelayMs(retries, failures, almostOne))).toEqual([100, 200, 400, 3_200, 5_000, 5_000])
    expect(retryDelayMs(retries, 3, 0)).toBe(0)
    expect(retryDelayMs(retries, 3, 0.5)).toBe(200)
  })

  it('is never sooner than the producer asked for', () => {
    expect(retryDelayMs(retries, 1, 0, 7_000)).toBe(7_000)
    expect(retryDelayMs(retries, 7, 0.9999999, 1_000)).toBe(5_000)
  })

  it('stays within its bounds for any number of failures', () => {
    fc.assert(
      fc.property(fc.nat(), random, (failures, chance) => {
        const delayMs = retryDelayMs(retries, failures, chance)
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(retries.delayMaxMs)
      }),
    )
  })
})
