/** What messages are made of, as fast-check makes it up. */
import fc from 'fast-check'

export const text = fc.string({ unit: 'grapheme' })
const absent = fc.constant(null)
export const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.oneof(absent, some)
export const time = fc.integer({ min: 0, max: 8_640_000_000_000_000 })
export const int = fc.integer({ min: 0 })
export const labels = fc.dictionary(text.filter((name) => name !== '__proto__'), text, { noNullPrototype: true })
