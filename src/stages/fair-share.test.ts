import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FairShare } from './fair-share.ts'
import { JobShares } from './job-shares.ts'

function served(share: FairShare, times: number, amountOf: (key: string) => number = () => 1): readonly string[] {
  return Array.from({ length: times }, () => {
    const key = share.next()!
    share.give(key, amountOf(key))
    return key
  })
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((all, each) => all + each, 0)
}

describe('a fair share', () => {
  it('goes around among equals, in the order in which they came', () => {
    const share = new FairShare()
    for (const key of ['a', 'b', 'c']) share.enter(key, 1)
    expect(served(share, 7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a'])
  })

  it('begins with who weighs most, whoever came first, so that what is given once goes out by weight', () => {
    const share = new FairShare()
    for (const [key, weight] of [['light', 1], ['heavy', 100], ['usual', 10], ['heavy too', 100]] as const) share.enter(key, weight)
    const order = Array.from({ length: 4 }, () => {
      const [key = ''] = served(share, 1)
      share.leave(key)
      return key
    })
    expect(order).toEqual(['heavy', 'heavy too', 'usual', 'light'])
  })

  it('lets a stream of heavier newcomers keep nobody from its turn', () => {
    const share = new FairShare()
    share.enter('light', 1)
    share.enter('heavy-0', 100)
    let waited = 0
    for (let key = share.next()!; key !== 'light'; key = share.next()!) {
      waited += 1
      share.give(key, 1)
      share.enter(`heavy-${waited}`, 100)
      share.leave(key)
    }
    expect(waited).toBeGreaterThan(10)
    expect(waited).toBeLessThan(250)
  })

  it('serves who comes later within one round, and does not make up for the time before', () => {
    const share = new FairShare()
    share.enter('early', 1)
    served(share, 1_000)
    share.enter('late', 1)
    const next = served(share, 10)
    expect(next.slice(0, 2)).toContain('late')
    expect(next.filter((key) => key === 'late')).toHaveLength(5)
  })

  it('does not forgive who leaves and comes back what it had', () => {
    const share = new FairShare()
    share.enter('stays', 1)
    share.enter('comes and goes', 1)
    const had = { 'stays': 0, 'comes and goes': 0 }
    for (let n = 0; n < 1_000; n += 1) {
      const [key] = served(share, 1, () => 10)
      had[key as keyof typeof had] += 1
      share.leave('comes and goes')
      share.enter('comes and goes', 1)
    }
    expect(had['comes and goes']).toBeLessThanOrEqual(510)
  })

  it('lets a stream of newcomers keep nobody from its turn', () => {
    const share = new FairShare()
    share.enter('old', 1)
    served(share, 1)
    share.enter('new-0', 1)
    let waited = 0
    for (let n = 0; share.next() !== 'old'; n += 1) {
      const key = share.next()!
      share.give(key, 1)
      share.enter(`new-${n + 1}`, 1)
      share.leave(key)
      waited += 1
      expect(waited).toBeLessThan(5)
    }
  })

  const sharers = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 100 }), amount: fc.integer({ min: 1, max: 1_000 }) }), {
    ...{ minLength: 1, maxLength: 8 },
  })

  it('gives each of those who wait what its weight says, but for one helping', () => {
    fc.assert(
      fc.property(sharers, fc.integer({ min: 1, max: 500 }), (all, times) => {
        const share = new FairShare()
        for (const [at, { weight }] of all.entries()) share.enter(String(at), weight)
        const had = all.map(() => 0)
        for (const key of served(share, times, (each) => all[Number(each)]!.amount)) had[Number(key)]! += all[Number(key)]!.amount
        // Whose turn it is has the lowest pass but for the first unit of a helping: passes never differ by more than that and a step.
        const passes = had.map((amount, at) => amount / all[at]!.weight)
        const stepMax = Math.max(...all.map(({ weight, amount }) => amount / weight))
        const unitMax = Math.max(...all.map(({ weight }) => 1 / weight))
        expect(Math.max(...passes) - Math.min(...passes)).toBeLessThanOrEqual((stepMax + unitMax) * (1 + 1e-9))
      }),
      { numRuns: 500 },
    )
  })

  const steps = fc.array(
    fc.record({
      what: fc.constantFrom('enter', 'leave', 'serve', 'serve'),
      who: fc.nat({ max: 5 }),
      weight: fc.integer({ min: 1, max: 9 }),
    }),
    { maxLength: 300 },
  )

  it('serves exactly those who wait, and each of them again and again, whoever comes and goes', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const share = new FairShare()
        const waiting = new Map<string, number>()
        const passedOver = new Map<string, number>()
        for (const { what, who, weight } of all) {
          const key = String(who)
          const next = share.next()
          expect(share.idle).toBe(waiting.size === 0)
          if (next === undefined) expect(waiting.size).toBe(0)
          else expect([...waiting.keys()]).toContain(next)
          if (what === 'enter' && !waiting.has(key)) {
            waiting.set(key, weight)
            share.enter(key, weight)
          } else if (what === 'leave') {
            waiting.delete(key)
            passedOver.delete(key)
            share.leave(key)
          } else if (what === 'serve' && next !== undefined) {
            share.give(next, 1)
            for (const each of waiting.keys()) passedOver.set(each, each === next ? 0 : (passedOver.get(each) ?? 0) + 1)
          }
          // At most 9 times as heavy, five others, and what they were owed when it came.
          expect(Math.max(0, ...passedOver.values())).toBeLessThanOrEqual(9 * 5 * 2 + 5)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('jobs that share', () => {
  it('have what their tenant has: a tenant of one job as much as one of a hundred', () => {
    const shares = new JobShares()
    const jobs = Array.from({ length: 100 }, (_, n) => ({ jobId: `many-${n}`, tenant: 'many', priority: 100 }))
    const all = [...jobs, { jobId: 'one', tenant: 'one', priority: 100 }]
    for (const job of all) shares.enter(job)
    const had = new Map<string, number>()
    for (let n = 0; n < 1_000; n += 1) {
      const job = all.find(({ jobId }) => jobId === shares.next())!
      shares.give(job, 1)
      had.set(job.jobId, (had.get(job.jobId) ?? 0) + 1)
    }
    expect(had.get('one')).toBe(500)
    expect(sum(had.values())).toBe(1_000)
    expect(Math.max(...jobs.map(({ jobId }) => had.get(jobId) ?? 0))).toBe(5)
  })

  it.each([
    [50, 200, 4],
    [100, 100, 1],
    [-5, 100, 100],
    [1_000_000, 100, 0.01],
  ])('have shares of 1 / priority: of priority %i beside %i, %f times as much', (priority, other, ratio) => {
    const shares = new JobShares()
    const [one, two] = [{ jobId: 'one', tenant: 't', priority }, { jobId: 'two', tenant: 't', priority: other }]
    shares.enter(one)
    shares.enter(two)
    let [ones, twos] = [0, 0]
    for (let n = 0; n < 10_100; n += 1) {
      const isOne = shares.next() === 'one'
      shares.give(isOne ? one : two, 1)
      if (isOne) ones += 1
      else twos += 1
    }
    expect(ones / twos / ratio).toBeGreaterThan(0.98)
    expect(ones / twos / ratio).toBeLessThan(1.02)
  })
})
