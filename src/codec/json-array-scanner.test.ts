import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonArrayScanner, type JsonArrayScannerOptions } from './json-array-scanner.ts'
import { JsonScanError } from './json-scan-error.ts'

const RESULT_PATHS = [['data', 'responses'], ['responses'], []]

function scannerOf(options: Partial<JsonArrayScannerOptions> = {}): JsonArrayScanner {
  const limits = { elementBytesMax: 1 << 20, envelopeBytesMax: 1 << 20, depthMax: 100 }
  return new JsonArrayScanner({ paths: RESULT_PATHS, ...limits, ...options })
}

interface Scan {
  readonly elements: readonly string[]
  readonly found: boolean
  readonly envelope: string
  readonly value: unknown
}

/** Cuts the document into chunks of the given sizes, over and over. */
function scan(document: string | Buffer, options: Partial<JsonArrayScannerOptions> = {}, sizes = [1 << 20]): Scan {
  const scanner = scannerOf(options)
  const bytes = Buffer.from(document)
  const elements: string[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!
    for (const element of scanner.push(bytes.subarray(at, at + size))) elements.push(element.toString())
    at += size
  }
  const end = scanner.end()
  expect(end.elements).toBe(elements.length)
  return { elements, found: end.found, envelope: end.bytes.toString(), value: end.value }
}

function refusal(document: string | Buffer, options: Partial<JsonArrayScannerOptions> = {}, sizes = [1 << 20]): string {
  try {
    scan(document, options, sizes)
  } catch (error) {
    if (error instanceof JsonScanError) return `${error.code} ${error.position}`
    throw error
  }
  return 'accepted'
}

describe('the elements', () => {
  it('come as the bytes that they were in the document, spaces and number forms included', () => {
    const document = '{ "data" : { "responses" : [ {"a" : 1.50} ,\n"x",-1e5 , [ ], null ] } , "b":2 }'
    const { elements, envelope } = scan(document)
    expect(elements).toEqual(['{"a" : 1.50}', '"x"', '-1e5', '[ ]', 'null'])
    expect(envelope).toBe('{ "data" : { "responses" : [] } , "b":2 }')
  })

  it.each([
    ['{"responses":[1,2]}', ['1', '2']],
    ['[1,2]', ['1', '2']],
    [' [\n]\n', []],
    ['{"data":{"responses":[]}}', []],
    ['{"d\\u0061ta":{"responses":["escaped name"]}}', ['"escaped name"']],
    ['["]", "\\"]", "\\\\", {"}":"{"}]', ['"]"', '"\\"]"', '"\\\\"', '{"}":"{"}']],
  ])('of %s are found', (document, elements) => {
    expect(scan(document)).toMatchObject({ found: true, elements })
    expect(scan(document, {}, [1])).toMatchObject({ found: true, elements })
  })

  it.each([
    '{"data":[{"responses":[1]}]}', '{"data":{"responses":{"a":[1]}}}', '{"other":{"responses":[1]}}', 
    '{"responses":{}}', '{"x":{"data":{"responses":[1]}}}', '{"resulturi":"some-topic"}',
    '"responses"', ' -12 ', 'true', '12',
  ])('are not there in %s, so that all of it is envelope', (document) => {
    const value: unknown = JSON.parse(document)
    expect(scan(document, {}, [3])).toEqual({ elements: [], found: false, envelope: document, value })
  })

  it('do not change when the array of another path is in the document too, empty of meaning', () => {
    expect(scan('{"data":{"x":[7]},"responses":[1]}').elements).toEqual(['1'])
  })

  it('are handed out as soon as their last byte has come', () => {
    const scanner = scannerOf()
    expect(scanner.push(Buffer.from('{"responses":[{"a":1'))).toEqual([])
    expect(scanner.push(Buffer.from('}')).map(String)).toEqual(['{"a":1}'])
  })

  it('of a plain Uint8Array are buffers', () => {
    const bytes = new Uint8Array(Buffer.from('..[1,22]..')).subarray(2, 8)
    expect(scannerOf().push(bytes).map(String)).toEqual(['1', '22'])
  })

  it('that were cut do not change when the pushed chunk is written over later', () => {
    const scanner = scannerOf()
    const chunk = Buffer.from('[{"a":')
    scanner.push(chunk)
    chunk.fill('!')
    expect(scanner.push(Buffer.from('1}]')).map(String)).toEqual(['{"a":1}'])
  })
})

describe('a limit', () => {
  it('on an element holds to the byte, wherever the chunks are cut', () => {
    const document = '{"responses":["1234567890"]}'
    for (const sizes of [[100], [1], [4]]) {
      expect(refusal(document, { elementBytesMax: 12 }, sizes)).toBe('accepted')
      expect(refusal(document, { elementBytesMax: 11 }, sizes)).toBe('element-too-large 14')
    }
  })

  it('on an element is applied before the element has ended', () => {
    const scanner = scannerOf({ elementBytesMax: 100 })
    scanner.push(Buffer.from('["'))
    expect(() => scanner.push(Buffer.alloc(100, 'x'))).toThrow('Element 0 is larger than the 100 bytes allowed')
  })

  it('on the envelope counts neither elements nor the spaces between them', () => {
    const document = `{"responses":[ ${'"12345678", '.repeat(50)} 1 ]    }`
    for (const sizes of [[1000], [1], [7]]) {
      expect(refusal(document, { envelopeBytesMax: 20 }, sizes)).toBe('accepted')
      expect(refusal(document, { envelopeBytesMax: 19 }, sizes)).toBe(`envelope-too-large ${document.length - 1}`)
    }
  })

  it('on the envelope bounds a document without the array', () => {
    expect(refusal(`{"x":"${'y'.repeat(100)}"}`, { envelopeBytesMax: 50 }, [8])).toBe('envelope-too-large 50')
  })

  it('on depth counts the document and the element together', () => {
    expect(refusal('{"responses":[[[]]]}', { depthMax: 4 })).toBe('accepted')
    expect(refusal('{"responses":[[[]]]}', { depthMax: 3 })).toBe('too-deep 15')
    expect(refusal('{"x":{"y":[]}}', { depthMax: 2 })).toBe('too-deep 10')
    expect(refusal('['.repeat(1e6), { depthMax: 100 }, [4096])).toBe('too-deep 100')
  })

  it('on depth is the only one: brackets match however deep they are', () => {
    const nested = (depth: number): string => `${'[{"a":'.repeat(depth)}1${'}]'.repeat(depth)}`
    const document = `{"data":{"x":${nested(40)},"responses":[${nested(70)},2]},"y":${nested(90)}}`
    const { elements, envelope } = scan(document, { depthMax: 1_000 }, [7])
    expect(elements).toEqual([nested(70), '2'])
    expect(envelope).toBe(`{"data":{"x":${nested(40)},"responses":[]},"y":${nested(90)}}`)
    expect(refusal(`[${'['.repeat(200)}${']'.repeat(180)}}`, { depthMax: 1_000 })).toBe('malformed 381')
  })

  it('on the paths refuses more than can be followed', () => {
    expect(() => scannerOf({ paths: Array.from({ length: 31 }, (_, i) => [String(i)]) })).toThrow('at most 30')
  })
})

describe('a document is refused', () => {
  it.each([
    ['', 'truncated 0'],
    ['  ', 'truncated 2'],
    ['{"responses":[1,', 'truncated 16'],
    ['{"responses":[1]', 'truncated 16'],
    ['[{"a":"b', 'truncated 8'],
    ['[{"a":1}', 'truncated 8'],
    ['[12', 'truncated 3'],
    ['{"resp', 'truncated 6'],
  ])('for having ended too early: %s', (document, refused) => {
    expect(refusal(document)).toBe(refused)
  })

  it.each([
    ['[1] x', 'malformed 4'],
    ['[1]]', 'malformed 3'],
    ['{} {}', 'malformed 3'],
    ['{"responses":[1]}"', 'malformed 17'],
    ['[1 2]', 'malformed 3'],
    ['[1,,2]', 'malformed 3'],
    ['[,1]', 'malformed 1'],
    ['[1,]', 'malformed 3'],
    ['[1}', 'malformed 2'],
    ['[{"a":[}]]', 'malformed 7'],
    ['[1:2]', 'malformed 2'],
    ['[tru]', 'malformed 1'],
    ['[1, 01]', 'malformed 4'],
    ['[nan]', 'malformed 1'],
    ['[x]', 'malformed 1'],
    ['{responses:[]}', 'malformed 1'],
    ['{"responses" []}', 'malformed 13'],
    ['{"a":1,}', 'malformed 7'],
    ['{"a":]}', 'malformed 5'],
    ['{"a":"\\x","responses":[]}', 'malformed 25'],
    ['<html><body>Log in</body></html>', 'malformed 0'],
    ['\uFEFF[]', 'malformed 0'],
  ])('for its grammar: %s', (document, refused) => {
    expect(refusal(document)).toBe(refused)
    expect(refusal(document, {}, [1])).toBe(refused)
  })

  it('for an envelope that is not UTF-8', () => {
    expect(refusal(Buffer.from('{"\xff":1}', 'latin1'))).toMatch(/^malformed/)
    expect(refusal(Buffer.from('{"x":"\xc3"}', 'latin1'))).toMatch(/^malformed/)
  })

  it.each([
    '{"responses":[1],"responses":[2]}',
    '{"responses":[1],"responses":null}',
    '{"responses":[1],"data":{"responses":[2]}}',
    '{"data":{"responses":[1]},"responses":[2]}',
    '{"data":{"responses":[1]},"data":{}}',
  ])('for a second place where the array could be: %s', (document) => {
    expect(refusal(document)).toMatch(/^ambiguous/)
  })

  it('with a message that says what was found, what was expected and where', () => {
    expect(() => scan('[1 2]')).toThrow('Found "2" where "," or the end of what is open was expected (at byte 3)')
    expect(() => scan('[\0]')).toThrow('Found byte 0x0 where a value or "]" was expected (at byte 1)')
    expect(() => scan('\ufeff[]')).toThrow('Found a byte order mark where a value was expected (at byte 0)')
  })
})

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('an envelope that is not kept', () => {
  const unkept = { keepsEnvelope: false, envelopeBytesMax: 20 }

  it('may be of any size, and the array in it is found all the same', () => {
    const document = `{"before":${JSON.stringify('x'.repeat(5_000))},"d\\u0061ta":{"n":-1.5e3,"responses":[1,{"a":2}]},"z":[[true]]}`
    for (const size of [1, 7, 1_000]) {
      const expected = { elements: ['1', '{"a":2}'], found: true, envelope: '', value: undefined }
      expect(scan(document, unkept, [size])).toEqual(expected)
    }
  })

  it('may have no name nor number that is larger than its limit', () => {
    expect(refusal(`{"${'x'.repeat(30)}":1}`, unkept, [4])).toMatch(/^envelope-too-large/)
    expect(refusal(`{"x":${'1'.repeat(30)}}`, unkept, [4])).toMatch(/^envelope-too-large/)
  })

  it.each(['{"a":01}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"\\u123"}', '{"a":"\t"}', '{"\n":1}', '[tru]', '-', 'nul'])(
    'is checked as it goes by: %s',
    (document) => {
      for (const size of [1, 3, 100]) expect(refusal(document, { ...unkept, paths: [] }, [size])).toMatch(/^malformed/)
    },
  )

  it('is checked to be UTF-8, in the array as well', () => {
    for (const text of ['["\xff"]', '["\xc3"]', '{"a":"\xc3\xa9\xc3"}']) {
      expect(refusal(Buffer.from(text, 'latin1'), unkept, [1])).toMatch(/^malformed/)
    }
    expect(refusal('{"a":"é\u{1F600}"}', unkept, [1])).toBe('accepted')
  })
})

describe('for any document and any chunking', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 })
  const name = fc.string({ unit: 'binary', maxLength: 12 })
  const members = fc.dictionary(name, fc.jsonValue({ depthSize: 'small' }), { maxKeys: 4 })
    .map((object) => Object.fromEntries(Object.entries(object).filter(([name]) => !/^(data|responses)$/.test(name))))
  const longString = fc.string({ unit: fc.constantFrom('x'.repeat(33), 'x', '\\', '"', ']', '\u00e9'), maxLength: 12 })
  const anyValue = fc.jsonValue({ stringUnit: 'binary', depthSize: 'small' })
  const values = fc.array(fc.oneof(anyValue, longString, fc.array(longString, { maxLength: 3 })), { maxLength: 12 })
  const document = fc.record({
    before: members,
    array: values,
    after: members,
    where: fc.constantFrom('data.responses', 'responses', 'root'),
    indent: fc.constantFrom(0, 1, 3),
  }).map(({ before, array, after, where, indent }) => {
    const around = (held: readonly unknown[]): unknown => {
      if (where === 'root') return held
      const object = Object.assign(Object.create(null), before, { responses: held }, after) as object
      return where === 'responses' ? object : { ...after, data: object }
    }
    return { array, text: JSON.stringify(around(array), null, indent), emptied: JSON.stringify(around([])) }
  })

  it('the elements are those of JSON.parse and the envelope is the rest', () => {
    fc.assert(fc.property(document, sizes, ({ array, text, emptied }, cut) => {
      const { elements, value, found } = scan(text, {}, cut)
      expect(found).toBe(true)
      expect(JSON.stringify(JSON.parse(`[${elements.join(',')}]`))).toBe(JSON.stringify(array))
      for (const element of elements) expect(text).toContain(element)
      expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(emptied)))
    }), { numRuns: 500 })
  })

  it('a document is taken, with elements that parse, exactly when JSON.parse takes it', () => {
    const inserts = fc.constantFrom('', '{', '}', '[', ']', '"', ',', ':', '\\', ' ', '1', 't', '\n', '\u00e9')
    const broken = fc.tuple(document, fc.nat(), fc.nat(2), inserts)
      .map(([{ text }, at, drop, insert]) => {
        const from = at % (text.length + 1)
        return text.slice(0, from) + insert + text.slice(from + drop)
      })
    fc.assert(fc.property(broken, sizes, (text, cut) => {
      const outcome = refusal(text, {}, cut)
      fc.pre(!outcome.startsWith('ambiguous'))
      // A cut in two may leave half a surrogate pair, which is no UTF-8.
      fc.pre(text.isWellFormed())
      const taken = outcome === 'accepted' && scan(text).elements.every(parses)
      expect(taken).toBe(parses(text))
    }), { numRuns: 2_000 })
  })

  it('an envelope that is not kept is taken exactly when JSON.parse takes it', () => {
    const inserts = fc.constantFrom('', '{', '"', ',', '\\', '\\u', '1', '-', '.', 'e', 't', '\n', '\u00e9')
    const broken = fc.tuple(fc.oneof(anyValue, longString), fc.nat(), fc.nat(2), inserts).map(([value, at, drop, insert]) => {
      const text = JSON.stringify(value)
      const from = at % (text.length + 1)
      return text.slice(0, from) + insert + text.slice(from + drop)
    })
    fc.assert(fc.property(broken, sizes, (text, cut) => {
      fc.pre(text.isWellFormed())
      expect(refusal(text, { paths: [], keepsEnvelope: false }, cut) === 'accepted').toBe(parses(text))
    }), { numRuns: 3_000 })
  })

  it('how it was cut changes neither what is found nor why it is refused', () => {
    const limits = fc.constantFrom({ elementBytesMax: 15 }, { envelopeBytesMax: 60 }, { depthMax: 4 })
    fc.assert(fc.property(document, limits, sizes, ({ text }, limit, cut) => {
      expect(refusal(text, limit, cut)).toBe(refusal(text, limit, [1]))
    }), { numRuns: 1_000 })
  })
})
