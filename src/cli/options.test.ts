import { describe, expect, it } from 'vitest'
import { durationMs, wholeNumber } from './options.ts'

describe('durationMs', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['30', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
  ])('reads %s as %d ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
  })

  it.each(['', 's', '-1s', '5d', '1e3', 'soon'])('refuses "%s"', (text) => {
    expect(() => durationMs(text)).toThrow('duration')
  })
})

describe('wholeNumber', () => {
  it('reads numbers within its bounds and nothing else', () => {
    const read = wholeNumber(1, 10)
    expect([read('1'), read('10')]).toEqual([1, 10])
    for (const text of ['0', '11', '1.5', '', 'x', '-1']) expect(() => read(text)).toThrow('from 1 to 10')
  })
})
