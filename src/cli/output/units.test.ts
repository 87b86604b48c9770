import { describe, expect, it } from 'vitest'
import { formatBytes, formatCount, formatDuration, formatInstant, formatNumberOf } from './units.ts'

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [-3, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [4_230, '4.2 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3_599_499, '59 min 59 s'],
    [3_599_500, '1 h 00 min'],
    [11_220_000, '3 h 07 min'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_500, '1.5 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [2.5e15, '2500.0 TB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('counts', () => {
  it('group thousands and know the singular', () => {
    expect(formatCount(1_234_567)).toBe('1,234,567')
    expect(formatNumberOf(1, 'operation')).toBe('1 operation')
    expect(formatNumberOf(2_000, 'operation')).toBe('2,000 operations')
    expect(formatNumberOf(0, 'copy', 'copies')).toBe('0 copies')
  })
})

describe('formatInstant', () => {
  it('drops the fraction and keeps the zone', () => {
    expect(formatInstant('2026-03-01T12:00:05.123Z')).toBe('2026-03-01 12:00:05Z')
    expect(formatInstant('2026-03-01T12:00:05+02:00')).toBe('2026-03-01 12:00:05+02:00')
  })
})
