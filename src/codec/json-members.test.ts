import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { membersOf } from './json-members.ts'
import { JsonScanError } from './json-scan-error.ts'

const DEPTH_MAX = 64

function members(text: string): [string, string][] {
  return membersOf(Buffer.from(text), DEPTH_MAX).map(({ name, raw }) => [name, raw.toString()])
}

function codeOf(text: string, depthMax = DEPTH_MAX): string {
  try {
    membersOf(Buffer.from(text), depthMax)
    return 'none'
  } catch (error) {
    return error instanceof JsonScanError ? error.code : String(error)
  }
}

/** JSON with spaces wherever the grammar allows them. */
function spaced(text: fc.JsonValue): fc.Arbitrary<string> {
  return fc.constantFrom('', ' ', '\t', '\n  ', '\r\n').map((space) => JSON.stringify(text, null, space))
}

describe('membersOf', () => {
  test('every member of any object comes back with its value, in order', () => {
    const objects = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.jsonValue().chain(spaced)))
    fc.assert(
      fc.property(objects, fc.constantFrom('', ' ', '\n\t'), (pairs, space) => {
        const parts = pairs.map(([name, value]) => `${space}${JSON.stringify(name)}${space}:${space}${value}${space}`)
        const expected = pairs.map(([name, value]) => [name, value])
        expect(members(`${space}{${space}${parts.join(',')}}${space}`)).toEqual(expected)
      }),
    )
  })

  test('what it takes for an object, cut anywhere, is refused as truncated', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (object, position) => {
        const text = Buffer.from(JSON.stringify(object))
        const cut = text.subarray(0, position % text.length)
        expect(() => membersOf(cut, DEPTH_MAX)).toThrow(JsonScanError)
      }),
    )
  })

  test('of any bytes it either gives members or refuses them, and agrees with JSON.parse on what is an object', () => {
    const bits = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', '1', '-', 'true', 'null', 'a', ' ', '"a"', '"a":')
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        let parsed: unknown
        try {
          parsed = JSON.parse(text)
        } catch {
          parsed = undefined
        }
        const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
        if (isObject) expect(Object.fromEntries(members(text).map(([name, raw]) => [name, JSON.parse(raw) as unknown]))).toEqual(parsed)
        else if (codeOf(text) === 'none') expect(members(text).some(([, raw]) => !isJson(raw))).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('numbers keep all of their digits and texts their escapes', () => {
    expect(members('{"a": 12345678901234567890 ,"b":1.50e+3,"c":"\\u0041\\""}')).toEqual([
      ['a', '12345678901234567890'],
      ['b', '1.50e+3'],
      ['c', '"\\u0041\\""'],
    ])
  })

  test('a name given twice is there twice, however it is escaped', () => {
    expect(members('{"a":1,"\\u0061":2}')).toEqual([
      ['a', '1'],
      ['a', '2'],
    ])
  })

  test.each([
    ['', 'truncated'],
    ['[]', 'malformed'],
    ['{"a":1,}', 'malformed'],
    ['{"a" 1}', 'malformed'],
    ['{"a":01}', 'malformed'],
    ['{"a":}', 'malformed'],
    ['{"a":[1}}', 'malformed'],
    ['{"a":1}{', 'malformed'],
    ['{"a\nb":1}', 'malformed'],
    ['{"a":[', 'truncated'],
    ['{"a":"', 'truncated'],
  ])('%s is refused as %s', (text, code) => {
    expect(codeOf(text)).toBe(code)
  })

  test('nesting is allowed up to the limit and refused beyond it', () => {
    expect(codeOf('{"a":[[1]]}', 3)).toBe('none')
    expect(codeOf('{"a":[[[1]]]}', 3)).toBe('too-deep')
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
