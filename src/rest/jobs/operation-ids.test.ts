import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OperationIds } from './operation-ids.ts'

describe('the ids of operations', () => {
  it('knows each text that it was given, and no other, as a set of them would', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 6 }), { maxLength: 400 }), (texts) => {
        const ids = new OperationIds()
        const known = new Set<string>()
        for (const text of texts) {
          expect(ids.addNew(text)).toBe(!known.has(text))
          known.add(text)
        }
      }),
    )
  })

  it('tells texts apart that begin alike, end alike, or are of zeros', () => {
    const ids = new OperationIds()
    const zeros = ['', '\0', '\0\0', '\0\0\0', 'a\0', '\0a']
    const texts = [...zeros, 'a', 'aa', 'ab', 'ba', 'aab', 'aba', 'a'.repeat(256), 'a'.repeat(255), 'ä', 'Ā']
    expect(texts.map((text) => ids.addNew(text))).toEqual(texts.map(() => true))
    expect(texts.map((text) => ids.addNew(text))).toEqual(texts.map(() => false))
  })

  it('keeps what it knows while it grows', () => {
    const ids = new OperationIds()
    const count = 50_000
    for (let n = 0; n < count; n += 1) if (!ids.addNew(`operation-${n}`)) throw new Error(`${n} was taken for another`)
    for (let n = 0; n < count; n += 1) if (ids.addNew(`operation-${n}`)) throw new Error(`${n} was forgotten`)
    expect(ids.addNew(`operation-${count}`)).toBe(true)
  })
})
