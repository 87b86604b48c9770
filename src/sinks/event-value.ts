/**
 * The value of a result event, on a topic and in an object alike: `{"data":{"responses":[…]}}`, contract page "Results". A
 * result without responses is beside them; docs/results.md describes the members that say what it is.
 */
import { buffer } from 'node:stream/consumers'
import type { OpaqueSource } from './sink.ts'

export const VALUE_HEAD = Buffer.from('{"data":{"responses":[')
export const SEPARATOR = Buffer.from(',')
export const RESPONSES_END = Buffer.from(']')
export const VALUE_END = Buffer.from('}}')

// A longer one says nothing that anybody could use.
const CONTENT_TYPE_LENGTH_MAX = 256

/** What follows after the responses: with a result beside them, its members. */
export function valueTail(members: Buffer | null): Buffer {
  return Buffer.concat(members === null ? [RESPONSES_END, VALUE_END] : [RESPONSES_END, SEPARATOR, members, VALUE_END])
}

/** What a result is, where that isn't clear from itself: it is no JSON. */
export function resultFacts({ format, contentType }: Pick<OpaqueSource, 'format' | 'contentType'>): object {
  if (format === 'json') return {}
  const isUsable = contentType !== '' && contentType.length <= CONTENT_TYPE_LENGTH_MAX
  return { resultFormat: format, ...(isUsable ? { resultContentType: contentType } : {}) }
}

/** The members that hold a result, piece by piece as it comes; nothing at all for one that is empty. */
export async function* resultMembers(source: OpaqueSource): AsyncGenerator<Buffer, void, undefined> {
  const facts = JSON.stringify(resultFacts(source)).slice(1, -1)
  const head = `${facts === '' ? '' : `${facts},`}"result":`
  if (source.format === 'text') {
    const text = await buffer(source.chunks)
    if (text.length > 0) yield Buffer.from(head + JSON.stringify(text.toString()))
    return
  }
  const isBinary = source.format === 'binary'
  let isEmpty = true
  for await (const piece of isBinary ? base64Of(source.chunks) : source.chunks) {
    if (isEmpty) yield Buffer.from(isBinary ? `${head}"` : head)
    isEmpty = false
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
  }
  if (isBinary && !isEmpty) yield Buffer.from('"')
}

// Three bytes become four characters.
const BASE64_GROUP_BYTES = 3

async function* base64Of(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk])
    const whole = bytes.length - (bytes.length % BASE64_GROUP_BYTES)
    if (whole > 0) yield Buffer.from(bytes.toString('base64', 0, whole), 'latin1')
    rest = Buffer.from(bytes.subarray(whole))
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1')
}
