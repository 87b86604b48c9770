import { describe, expect, it } from 'vitest'
import { type Outputs, outputsOf, type OutputValue } from './outputs.ts'
import { type ResultsAnswer, resultsAnswer } from './results-answer.ts'

const CWL = { mediaType: 'application/cwl', text: '' }
const NO_TERMS = { declared: {}, wanted: undefined }
const AT = '2026-11-22T10:00:00.000Z'
const plain = (outputs: Outputs): object => Object.fromEntries(outputs)
const inline = (value: unknown): object => ({ type: 'inline', value })
const bodyOf = ({ body }: ResultsAnswer): string => body?.toString() ?? ''

describe('the outputs of an execution', () => {
  it('are what the producer says of them, or all that it says', () => {
    expect(plain(outputsOf({ outputs: { a: 1 } }, null, undefined))).toEqual({ a: inline(1) })
    expect(plain(outputsOf({ a: 1, b: { href: 's3://b/x', type: 'image/png' } }, null, undefined))).toEqual({
      ...{ a: inline(1), b: { type: 'reference', href: 's3://b/x', mediaType: 'image/png' } },
    })
    expect(plain(outputsOf([1], null, undefined))).toEqual({ result: inline([1]) })
    expect(plain(outputsOf({ a: { href: 'x', more: 1 } }, null, undefined))).toEqual({ a: inline({ href: 'x', more: 1 }) })
  })

  it('of a command that names none are its files', () => {
    const files = [{ name: 'log/a.txt', uri: 's3://b/a.txt', bytes: 1, mediaType: 'text/plain' }]
    expect(plain(outputsOf({ outputs: null, files }, null, undefined))).toEqual({
      ...{ 'log/a.txt': { type: 'reference', href: 's3://b/a.txt', mediaType: 'text/plain' } },
    })
  })

  it('are those that were wanted', () => {
    expect(plain(outputsOf({ outputs: { a: 1, b: 2 } }, null, { b: {} }))).toEqual({ b: inline(2) })
  })

  it('of a CWL document are its files by reference, and a STAC catalog as the ADES tells of it', () => {
    const outputs = {
      file: { class: 'File', location: 's3://b/wf/a.tif', format: 'image/tiff' },
      stac: { class: 'Directory', location: 's3://b/wf/out', listing: [{ class: 'File', basename: 'catalog.json' }] },
      folder: { class: 'Directory', location: 's3://b/wf/more/', listing: [] },
      files: [{ class: 'File', location: 's3://b/wf/1' }],
      count: 2,
    }
    expect(plain(outputsOf({ outputs }, CWL, undefined))).toEqual({
      file: { type: 'reference', href: 's3://b/wf/a.tif', mediaType: 'image/tiff' },
      stac: inline({ StacCatalogUri: 's3://b/wf/out/catalog.json' }),
      folder: { type: 'reference', href: 's3://b/wf/more/', mediaType: null },
      files: inline([{ href: 's3://b/wf/1' }]),
      count: inline(2),
    })
  })
})

describe('an answer', () => {
  const link = { type: 'reference', href: 's3://b/ä "x"', mediaType: 'image/png' } as const

  it('in the form of a document has simple values as they are, objects qualified, boxes and links as they are', () => {
    const outputs: Outputs = new Map<string, OutputValue>([
      ['text', { type: 'inline', value: 'x' }],
      ['list', { type: 'inline', value: [1] }],
      ['object', { type: 'inline', value: { a: 1 } }],
      ['box', { type: 'inline', value: { bbox: [1, 2, 3, 4] } }],
      ['link', link],
    ])
    const answer = resultsAnswer(outputs, 'document', NO_TERMS, AT)
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
    expect(JSON.parse(bodyOf(answer))).toEqual({
      ...{ text: 'x', list: [1], object: { value: { a: 1 } }, box: { bbox: [1, 2, 3, 4] } },
      link: { href: link.href, type: 'image/png' },
    })
  })

  it('in the seed’s form has a JSON text for each', () => {
    const answer = resultsAnswer(new Map([['wf_outputs', { type: 'inline', value: { StacCatalogUri: 's3://b/c' } }]]), 'seed', NO_TERMS, AT)
    expect(JSON.parse(bodyOf(answer))).toEqual({
      outputs: [{ id: 'wf_outputs', time: AT, value: { inlineValue: '{"StacCatalogUri":"s3://b/c"}' } }],
    })
  })

  it.each([
    ['hello', {}, undefined, 'text/plain; charset=utf-8', 'hello'],
    [5, {}, undefined, 'application/json', '5'],
    ['hello', {}, 'application/json', 'application/json', '"hello"'],
    ['<a/>', { contentMediaType: 'application/xml' }, undefined, 'application/xml', '<a/>'],
    ['aGVsbG8=', { contentMediaType: 'image/png', contentEncoding: 'base64' }, undefined, 'image/png', 'hello'],
  ])('of one value, %j of %j, is the value', (value, schema, mediaType, type, text) => {
    const wanted = mediaType === undefined ? undefined : { a: { format: { mediaType } } }
    const answer = resultsAnswer(new Map([['a', { type: 'inline', value }]]), 'raw', { declared: { a: { schema } }, wanted }, AT)
    expect([answer.headers['content-type'], bodyOf(answer)]).toEqual([type, text])
  })

  it('of links only is a header that any server may pass on', () => {
    const { status, headers, body } = resultsAnswer(new Map([['pi"c', link]]), 'raw', NO_TERMS, AT)
    expect([status, body]).toEqual([204, null])
    const relation = 'http://www.opengis.net/def/rel/ogc/1.0/results'
    expect(headers['link']).toBe(`<s3://b/%C3%A4%20%22x%22>; rel="${relation}"; title="pi%22c"; type="image/png"`)
  })

  it('of several values has a part for each', () => {
    const outputs = new Map<string, OutputValue>([['text', { type: 'inline', value: 'x' }], ['link', link]])
    const answer = resultsAnswer(outputs, 'raw', NO_TERMS, AT)
    const boundary = /^multipart\/related; boundary="(.+)"$/.exec(answer.headers['content-type'] ?? '')?.[1] ?? 'none'
    expect(bodyOf(answer).split('\r\n')).toEqual([
      ...[`--${boundary}`, 'Content-ID: <text>', 'Content-Type: text/plain; charset=utf-8', '', 'x'],
      ...[`--${boundary}`, 'Content-ID: <link>', 'Content-Location: s3://b/%C3%A4%20%22x%22', '', ''],
      ...[`--${boundary}--`, ''],
    ])
  })
})
