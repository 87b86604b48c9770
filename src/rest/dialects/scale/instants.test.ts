import { describe, expect, it } from 'vitest'
import { momentOf } from './instants.ts'

const NOW = Date.parse('2024-03-31T12:00:00.500Z')

describe('a time', () => {
  it.each([
    ['2015-01-01T00:00:00Z', '2015-01-01T00:00:00.000Z'],
    ['2015-01-01T00:00:00+01:00', '2014-12-31T23:00:00.000Z'],
    ['PT3H0M0S', '2024-03-31T09:00:00.500Z'],
    ['PT1.5S', '2024-03-31T11:59:59.000Z'],
    ['P1W', '2024-03-24T12:00:00.500Z'],
    ['P1DT1H', '2024-03-30T11:00:00.500Z'],
    ['P1M', '2024-02-29T12:00:00.500Z'],
    ['P13M', '2023-02-28T12:00:00.500Z'],
    ['P1Y2M3DT4H5M6S', '2023-01-28T07:54:54.500Z'],
  ])('%s is that, or that long before now', (text, at) => {
    expect(new Date(momentOf('started', text, NOW)).toISOString()).toBe(at)
  })

  it.each(['', 'P', 'PT', 'P1', 'P1DT', 'PT1D', 'P1H', 'P-1D', '2015-01-01', '2015-01-01T00:00:00', 'P99999Y', 'yesterday'])(
    '%j is none',
    (text) => {
      expect(() => momentOf('started', text, NOW)).toThrow(`started: "${text}" is no time`)
    },
  )
})
