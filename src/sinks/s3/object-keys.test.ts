import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { manifestKey, objectPrefix, resultsKey } from './object-keys.ts'

describe('keys of objects', () => {
  test('are the job, percent-encoded, and the subjob, so that they sort by number', () => {
    expect(resultsKey('job/1 ä', 12, 1)).toBe('job%2F1%20%C3%A4/0000012.json')
    expect(resultsKey('job/1 ä', 12, 3)).toBe('job%2F1%20%C3%A4/0000012.3.json')
    expect(manifestKey('job')).toBe('job/manifest.json')
  })

  test('stay within their folder, and within what a store allows', () => {
    expect(resultsKey('..', 0, 1)).toBe('%2E%2E/0000000.json')
    expect(objectPrefix('.')).toBe('%2E')
    expect(objectPrefix('日'.repeat(256))).toMatch(/^%sha256-[0-9a-f]{64}$/)
    expect(objectPrefix('\ud800')).toBe('%EF%BF%BD')
  })

  test('of different jobs differ', () => {
    const tricky = fc.string({ unit: fc.constantFrom('.', '%', '2', 'E', '日'), minLength: 1 })
    const ids = fc.oneof(fc.string({ minLength: 1, maxLength: 256 }), tricky)
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        expect(objectPrefix(one) === objectPrefix(other)).toBe(one === other)
        expect(objectPrefix(one)).toMatch(/^(?!\.+$)[^/]{1,512}$/)
      }),
    )
  })
})
