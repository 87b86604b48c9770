import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WaitingLine } from './waiting-line.ts'

describe('WaitingLine', () => {
  it('serves in order, whoever comes, comes back to the front, or leaves', () => {
    const steps = fc.array(
      fc.record({ step: fc.constantFrom('append', 'append', 'prepend', 'takeFirst'), times: fc.integer({ min: 1, max: 700 }) }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const line = new WaitingLine<number>()
        const model: number[] = []
        let next = 0
        for (const { step, times } of all) {
          for (let n = 0; n < times; n += 1) {
            next += 1
            if (step === 'append') {
              line.append(next)
              model.push(next)
            } else if (step === 'prepend') {
              line.prepend(next)
              model.unshift(next)
            } else if (line.takeFirst() !== model.shift()) {
              throw new Error('another one was served')
            }
          }
          expect(line.first).toBe(model[0])
        }
      }),
      { numRuns: 100 },
    )
  })

  it('takes the first of very many without moving the others', () => {
    const line = new WaitingLine<number>()
    for (let n = 0; n < 1_000_000; n += 1) line.append(n)
    const begun = performance.now()
    for (let n = 0; n < 1_000_000; n += 1) line.takeFirst()
    expect(line.first).toBeUndefined()
    // Moving a million, a million times, takes minutes.
    expect(performance.now() - begun).toBeLessThan(5_000)
  })
})
