import { describe, expect, test } from 'vitest'
import { formatInstant, parseInstant } from './instant.ts'

describe('an instant', () => {
  test('is written in UTC, to the millisecond', () => {
    expect(formatInstant(1_763_785_140_250)).toBe('2025-11-22T04:19:00.250Z')
  })

  test('is written whatever a record says', () => {
    expect(formatInstant(Number.MAX_SAFE_INTEGER)).toBe('+275760-09-13T00:00:00.000Z')
    expect(formatInstant(-Number.MAX_SAFE_INTEGER)).toBe('-271821-04-20T00:00:00.000Z')
  })

  test.each([
    ['2025-11-22T04:19:00Z', 1_763_785_140_000],
    ['2025-11-22T04:19Z', 1_763_785_140_000],
    ['2025-11-22T05:19:00.250+01:00', 1_763_785_140_250],
  ])('is read from %s', (text, epochMs) => {
    expect(parseInstant(text)).toBe(epochMs)
  })

  test.each(['2025-11-22', '2025-11-22T04:19:00', '1763785140', 'yesterday', '2025-13-22T04:19:00Z', ''])(
    'is refused from "%s", which names no moment that is the same everywhere',
    (text) => {
      expect(parseInstant(text)).toBeNull()
    },
  )
})
