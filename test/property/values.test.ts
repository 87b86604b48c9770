import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Destination, type DestinationRules, formatDestination, parseDestination } from '../../src/domain/destination.ts'
import { isJobId, jobId, producerKey, subjobId } from '../../src/domain/ids.ts'
import { COMMAND_PARTITIONS_MAX, jobNumber, placeOfJobNumber } from '../../src/domain/job-number.ts'
import { pollDelayMs, type PollRules, retryDelayMs, type RetryRules } from '../../src/domain/poll-schedule.ts'
import { isSuccess, messageOf, ResponseCode } from '../../src/domain/response-code.ts'
import { codeOfCallFailure } from '../../src/domain/subjob.ts'

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const bounds = fc
  .tuple(fc.nat({ max: 10_000 }), fc.nat({ max: 1_000_000 }))
  .map(([low, more]) => ({ delayMinMs: low, delayMaxMs: low + more }))
const ratio = fc.double({ min: 0, max: 1, noNaN: true })
const pollRules: fc.Arbitrary<PollRules> = fc
  .tuple(bounds, ratio, ratio)
  .map(([delays, elapsedRatio, jitterRatio]) => ({ ...delays, elapsedRatio, jitterRatio }))
const elapsed = fc.nat({ max: 1e9 })

describe('the delay before the next poll', () => {
  it('is within its bounds but for the jitter, whatever the rules are', () => {
    fc.assert(
      fc.property(pollRules, fc.integer(), random, (rules, elapsedMs, chance) => {
        const delayMs = pollDelayMs(rules, elapsedMs, chance)
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(rules.delayMinMs * (1 - rules.jitterRatio)))
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(rules.delayMaxMs * (1 + rules.jitterRatio)))
      }),
      { numRuns: 500 },
    )
  })

  it('never shrinks while the work takes longer, and finds its end no later than by the part of the time that is allowed', () => {
    fc.assert(
      fc.property(pollRules, elapsed, elapsed, random, (rules, one, other, chance) => {
        const [sooner, later] = [one, other].sort((a, b) => a - b) as [number, number]
        expect(pollDelayMs(rules, later, chance)).toBeGreaterThanOrEqual(pollDelayMs(rules, sooner, chance))
        expect(pollDelayMs(rules, later, 0.5)).toBeLessThanOrEqual(Math.max(rules.delayMinMs, Math.ceil(later * rules.elapsedRatio)))
      }),
      { numRuns: 500 },
    )
  })
})

describe('the delay before another attempt', () => {
  const retryRules: fc.Arbitrary<RetryRules> = bounds
  const retryAfter = fc.nat({ max: 10_000_000 })

  it('is full jitter below a bound that grows up to the largest, and no sooner than the producer asked for', () => {
    fc.assert(
      fc.property(retryRules, fc.nat({ max: 2_000 }), random, retryAfter, (rules, failures, chance, retryAfterMs) => {
        const delayMs = retryDelayMs(rules, failures, chance, retryAfterMs)
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(retryAfterMs)
        expect(delayMs).toBeLessThanOrEqual(Math.max(retryAfterMs, rules.delayMaxMs))
        expect(retryDelayMs(rules, failures + 1, chance, retryAfterMs)).toBeGreaterThanOrEqual(delayMs)
        expect(retryDelayMs(rules, failures, 0, 0)).toBe(0)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a destination', () => {
  const rules: fc.Arbitrary<DestinationRules> = fc.record({
    bareNameIs: fc.constantFrom('topic' as const, 'bucket' as const),
    topicPrefix: fc.constantFrom('datajob.', 'x', 'my-prefix.'),
  })
  const likely = fc.stringMatching(/^(?:kafka:|s3:)?[a-zA-Z0-9._-]{1,70}$/)

  it('that is accepted is read back from what is written of it, whatever a bare name means there', () => {
    fc.assert(
      fc.property(fc.oneof(likely, fc.string()), rules, rules, (text, here, there) => {
        const parsed = parseDestination(text, here)
        if (!parsed.ok) return
        const written = formatDestination(parsed.destination)
        expect(parseDestination(written, { ...there, topicPrefix: here.topicPrefix })).toEqual(parsed)
      }),
      { numRuns: 1_000 },
    )
  })

  it('is never a topic of ours, nor a name that leads elsewhere', () => {
    const name = fc.oneof(likely, fc.string({ unit: fc.constantFrom('.', '/', '_', ':', 'a', '\n', 'datajob.', 's3:', 'kafka:') }))
    fc.assert(
      fc.property(name, rules, (text, each) => {
        const parsed = parseDestination(text, each)
        const destination: Destination = parsed.ok ? parsed.destination : { type: 'none' }
        if (destination.type === 'none') return
        expect(destination.name).toMatch(/^[a-zA-Z0-9._-]+$/)
        expect(['.', '..']).not.toContain(destination.name)
        const isOurs = destination.name.startsWith(each.topicPrefix) || destination.name.startsWith('__')
        expect(destination.type === 'topic' && isOurs).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a job number', () => {
  const place = fc.record({
    partition: fc.nat({ max: COMMAND_PARTITIONS_MAX - 1 }),
    offset: fc.integer({ min: 0, max: Math.floor(Number.MAX_SAFE_INTEGER / COMMAND_PARTITIONS_MAX) }),
  })

  it('is below 2^53, leads back to its place, and orders the jobs of a partition as they came, those of all by offset', () => {
    fc.assert(
      fc.property(place, place, (one, other) => {
        const [first, second] = [jobNumber(one), jobNumber(other)]
        expect(Number.isSafeInteger(first)).toBe(true)
        expect(placeOfJobNumber(first)).toEqual(one)
        const byPlace = Math.sign(one.offset - other.offset) || Math.sign(one.partition - other.partition)
        expect(Math.sign(first - second)).toBe(byPlace)
      }),
      { numRuns: 500 },
    )
  })
})

describe('names', () => {
  const jobIds = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('/', '#', '0', '1', 'a', 'ä', '😀') }).filter(isJobId)
  const index = fc.nat({ max: 120 })

  it('of two subjobs are the same only for the same subjob', () => {
    fc.assert(
      fc.property(jobIds, index, jobIds, index, (one, at, other, otherAt) => {
        const isSame = one === other && at === otherAt
        expect(subjobId(jobId(one), at) === subjobId(jobId(other), otherAt)).toBe(isSame)
      }),
      { numRuns: 1_000 },
    )
  })

  it('of two producers are the same only for the same producer of the same service', () => {
    const service = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', '-', '1') })
    const producer = fc.string({ maxLength: 3, unit: fc.constantFrom('a', '#', '1') })
    fc.assert(
      fc.property(service, producer, service, producer, (one, its, other, others) => {
        expect(producerKey(one, its) === producerKey(other, others)).toBe(one === other && its === others)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a failed call', () => {
  it('is never reported with a code of success, and always with one that has a text', () => {
    const disposition = fc.constantFrom('retry' as const, 'reject' as const)
    const httpStatus = fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined })
    fc.assert(
      fc.property(disposition, httpStatus, (each, status) => {
        const code = codeOfCallFailure({ disposition: each, httpStatus: status })
        expect([isSuccess(code), Object.values(ResponseCode).includes(code), messageOf(code) === '']).toEqual([false, true, false])
      }),
    )
  })
})
