import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatJobCursor, parseJobCursor } from './job-cursor.ts'

describe('a job cursor', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeNat(), (createdAt, number) => {
        const cursor = { createdAt: createdAt + 0, number }
        expect(parseJobCursor(formatJobCursor(cursor))).toEqual(cursor)
      }),
    )
  })

  it('is a text that needs no escaping in a query', () => {
    expect(formatJobCursor({ createdAt: 1_763_786_000_000, number: 5_121 })).toMatch(/^[\w-]+$/)
  })

  it.each(['', 'x', '1.2', 'MS4y=', 'MS4yLjM', 'MDEuMg', '%00', Buffer.from('1e3.2').toString('base64url')])(
    'is refused as none of ours: %j',
    (text) => {
      expect(parseJobCursor(text)).toBeNull()
    },
  )
})
