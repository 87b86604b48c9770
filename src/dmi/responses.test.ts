import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { JsonScanError } from '../codec/json-scan-error.ts'
import { readSubjobResult, type ResultLimits, SubjobResultError } from './responses.ts'

const json = 'application/json; charset=utf-8'
const limits: ResultLimits = { valueBytesMax: 200, depthMax: 20 }

/** In chunks of the given size, which is what a network does to a document. */
function streamOf(document: string | Buffer, size = 16): Readable {
  const bytes = Buffer.from(document)
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return Readable.from(chunks)
}

async function read(document: string | Buffer, contentType = json, size?: number): Promise<unknown> {
  const result = await readSubjobResult(streamOf(document, size), contentType, limits)
  if (result.type === 'opaque') return { opaque: (await buffer(result.chunks)).toString('latin1'), format: result.format }
  if (result.type === 'resulturi') return { resulturi: result.resulturi }
  const responses: unknown[] = []
  for await (const { operationId, statusCode, raw } of result.responses) {
    responses.push([operationId, statusCode, raw.toString()])
  }
  return responses
}

async function failure(document: string | Buffer, contentType = json, size?: number): Promise<string> {
  const error: unknown = await read(document, contentType, size).catch((reason: unknown) => reason)
  if (error instanceof JsonScanError || error instanceof SubjobResultError) return error.code
  return `no failure: ${JSON.stringify(error)}`
}

const one = '{"operationId":"1", "statusCode":0,"result":{"x":1.0}}'
const two = '{"operationId":2,"statusCode":"108"}'

describe('responses', () => {
  it.each([
    [`{"data":{"responses":[${one},${two}]}}`],
    [`{"responses":[ ${one} , ${two} ],"other":[1]}`],
    [`[${one},${two}]`],
  ])('come one by one, as the bytes that they were: %s', async (document) => {
    const expected = [['1', 0, one], [2, 108, two]]
    for (const size of [1, 7, 1_000]) expect(await read(document, json, size)).toEqual(expected)
    expect(await read(document, 'text/plain')).toEqual(expected)
    expect(await read(document, '')).toEqual(expected)
  })

  it.each(['[]', '{"responses":[]}', '{"data":{"responses":[ ]}}'])('may be none: %s', async (document) => {
    expect(await read(document)).toEqual([])
  })

  it('without a usable code have none', async () => {
    const document = '[{"operationId":"a"},{"operationId":"b","statusCode":"x"},{"operationId":"c","statusCode":1.5}]'
    const responses = (await read(document)) as [string, number | undefined][]
    expect(responses.map(([operationId, statusCode]) => [operationId, statusCode])).toEqual([
      ['a', undefined], ['b', undefined], ['c', undefined],
    ])
  })

  it('are read the same, and checked, when they are too large to be parsed', async () => {
    const large = (more: string, text = 'x'): string => `{"operationId":"0","t":"${text.repeat(70_000)}",${more}"operationId":7}`
    const wide = { valueBytesMax: 1_000_000, depthMax: 20 }
    const readLarge = async (document: string | Buffer): Promise<unknown> => {
      const result = await readSubjobResult(streamOf(document, 1_000), json, wide)
      if (result.type !== 'responses') return result.type
      const responses: unknown[] = []
      for await (const { operationId, statusCode } of result.responses) responses.push([operationId, statusCode])
      return responses
    }
    expect(await readLarge(`[${large('"statusCode":"103",', 'é')},{"operationId":1,"n":1.0}]`)).toEqual([[7, 103], [1, undefined]])
    for (const broken of ['"n":01,', '"s":"\\x",', '"s":"\t",']) {
      await expect(readLarge(`[${large(broken)}]`)).rejects.toMatchObject({ code: 'unparsable' })
    }
    await expect(readLarge(Buffer.from(`[${large('"s":"\xff",')}]`, 'latin1'))).rejects.toMatchObject({ code: 'unparsable' })
    expect(await readLarge(`["${'x'.repeat(70_000)}"]`)).toBe('opaque')
  })

  it('are there before the document has ended', async () => {
    const stream = new Readable({ read: () => undefined })
    stream.push(`{"responses":[${one},`)
    const result = await readSubjobResult(stream, json, limits)
    if (result.type !== 'responses') throw new Error(result.type)
    expect((await result.responses.next()).value).toMatchObject({ operationId: '1' })
    stream.push(`${two}]}`)
    expect((await result.responses.next()).value).toMatchObject({ operationId: 2 })
    stream.push(null)
    expect((await result.responses.next()).done).toBe(true)
  })

  it('that nobody reads on end the stream', async () => {
    const stream = streamOf(`[${one},${two},${'1,'.repeat(50_000)}]`)
    const result = await readSubjobResult(stream, json, limits)
    if (result.type !== 'responses') throw new Error(result.type)
    for await (const response of result.responses) {
      expect(response.operationId).toBe('1')
      break
    }
    expect(stream.destroyed).toBe(true)
  })

  it('are not limited in their sum', async () => {
    expect(await read(`[${one}${`,${two}`.repeat(5_000)}]`, json, 65_536)).toHaveLength(5_001)
  })
})

describe('a result of another shape', () => {
  it.each([
    '{"data":[1,2]}', '{"a":1}', '[1,2,3]', '[{"id":1},{"operationId":"1"}]', '[[]]', '"text"', '12',
    '[{"operationId":null}]', '{"resulturi":"topic","more":1}', '{"resulturi":7}', '{"resulturi":""}',
    '{"responses":{"operationId":"1"}}',
  ])('is one opaque value, byte for byte: %s', async (document) => {
    const spaced = ` ${document}\n`
    for (const size of [1, 1_000]) expect(await read(spaced, json, size)).toEqual({ opaque: spaced, format: 'json' })
  })

  it.each([['id;value\n1;2\n', 'text/csv'], ['[not json', 'text/plain'], ['[{"a" 1}]', 'application/octet-stream']])(
    'need not be JSON where it does not say so: %s',
    async (document, contentType) => {
      for (const size of [3, 1_000]) expect(await read(document, contentType, size)).toEqual({ opaque: document, format: 'text' })
    },
  )

  it('may be bytes', async () => {
    expect(await read(Buffer.from([0xff, 0]), 'image/png')).toEqual({ opaque: '\xff\0', format: 'binary' })
  })

  it('may be nothing where it does not say that it is JSON', async () => {
    expect(await read('', 'text/plain')).toEqual({ opaque: '', format: 'text' })
  })

  it.each([
    `[1,${' '.repeat(300)}{"b":2}]`,
    `{"tree":"${'x'.repeat(300)}","data":{"responsesToo":[{"operationId":1}]}}`,
    `{"data":[${one},${`${two},`.repeat(20)}1.50]}`,
  ])('may be larger than any response, and comes byte for byte, without being held: %s', async (document) => {
    for (const size of [1, 64, 1_000]) {
      expect(await read(document, json, size)).toEqual({ opaque: document, format: 'json' })
      expect(await read(document, 'application/x-tar', size)).toMatchObject({ opaque: document })
      expect(await read(`${document},`, 'application/x-tar', size)).toMatchObject({ opaque: `${document},` })
    }
    expect(await read(document, 'application/x-tar', 64)).toMatchObject({ format: 'binary' })
  })

  it('that is large is not held until it has ended', async () => {
    const stream = new Readable({ read: () => undefined })
    stream.push(`{"tree":"${'x'.repeat(300)}`)
    const result = await readSubjobResult(stream, json, limits)
    if (result.type !== 'opaque') throw new Error(result.type)
    expect(String((await result.chunks.next()).value)).toContain('"tree"')
    stream.push('"}')
    expect(String((await result.chunks.next()).value)).toBe('"}')
    stream.push(null)
    expect((await result.chunks.next()).done).toBe(true)
    expect(stream.destroyed).toBe(true)
  })

  it('may name where the producer puts the data', async () => {
    expect(await read('{"resulturi":"ncmp-internal"}')).toEqual({ resulturi: 'ncmp-internal' })
  })
})

describe('a result is refused', () => {
  it.each([
    ['', 'truncated'],
    [`[${one}`, 'truncated'],
    [`[${one},`, 'truncated'],
    ['{"a":', 'truncated'],
    ['<p>hello</p>', 'malformed'],
    [`[${one} ${two}]`, 'malformed'],
    [`[${one}] x`, 'malformed'],
    [`{"responses":[${one}],"responses":[]}`, 'ambiguous'],
    ['[{"operationId" 1}]', 'unparsable'],
    [`[${one},{"operationId" 1}]`, 'unparsable'],
    [`[${one},{"id":1}]`, 'unparsable'],
    [`[${one},7]`, 'unparsable'],
  ])('for being broken: %s', async (document, code) => {
    for (const size of [1, 1_000]) expect(await failure(document, json, size)).toBe(code)
  })

  it('for text that is not UTF-8', async () => {
    expect(await failure(Buffer.from('[{"operationId":"\xff"}]', 'latin1'))).toBe('unparsable')
  })

  it('for a response larger than its limit', async () => {
    expect(await failure(`[${one},{"operationId":"${'x'.repeat(200)}"}]`)).toBe('element-too-large')
  })

  it.each([`{"x":"${'x'.repeat(200)}","responses":[${one}]}`, `{"x":"${'x'.repeat(200)}","data":{"responses":[]}}`])(
    'for surroundings of responses larger than their limit, for it would count as done: %s',
    async (document) => {
      for (const type of [json, 'text/plain']) {
        for (const size of [1, 1_000]) expect(await failure(document, type, size)).toBe('too-large')
      }
    },
  )

  it.each([
    [`{"x":"${'x'.repeat(300)}"`, 'truncated'],
    [`{"x":"${'x'.repeat(300)}","y":tru}`, 'malformed'],
    [`[1,${' '.repeat(300)}2]]`, 'malformed'],
    [`{"x":"${'x'.repeat(300)}\xff"}`, 'malformed'],
    [`{"x":"${'x'.repeat(300)}","y":${'['.repeat(30)}`, 'too-deep'],
  ])('for being broken after more than is looked at beforehand: %s', async (document, code) => {
    for (const size of [1, 64, 1_000]) expect(await failure(Buffer.from(document, 'latin1'), json, size)).toBe(code)
  })

  it('for spaces without end before the first response', async () => {
    expect(await failure(`[${' '.repeat(1_000)}${one}]`)).toBe('too-large')
  })

  it('for nesting deeper than its limit', async () => {
    expect(await failure(`[{"operationId":1,"a":${'['.repeat(30)}`)).toBe('too-deep')
  })

  it('and its stream is ended', async () => {
    const stream = streamOf(`<p>${'x'.repeat(10_000)}`)
    await expect(readSubjobResult(stream, json, limits)).rejects.toThrow(JsonScanError)
    expect(stream.destroyed).toBe(true)
  })

  it('for what the stream fails with', async () => {
    const stream = new Readable({ read: () => undefined })
    stream.push(`[${one},`)
    const result = await readSubjobResult(stream, json, limits)
    if (result.type !== 'responses') throw new Error(result.type)
    await result.responses.next()
    stream.destroy(new Error('gone'))
    await expect(result.responses.next()).rejects.toThrow('gone')
  })
})
