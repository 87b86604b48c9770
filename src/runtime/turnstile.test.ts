import { describe, expect, it } from 'vitest'
import { Turnstile } from './turnstile.ts'

describe('a turnstile', () => {
  it('lets work pass one by one, in order, also behind work that fails', async () => {
    const turnstile = new Turnstile()
    const steps: string[] = []
    const work = (name: string, fails = false) => async (): Promise<string> => {
      steps.push(`${name} begins`)
      await Promise.resolve()
      steps.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    }
    const passed = await Promise.allSettled([turnstile.pass(work('a')), turnstile.pass(work('b', true)), turnstile.pass(work('c'))])
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    expect(passed.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(passed[2]).toMatchObject({ value: 'c' })
  })
})
