/** The value of a result event, on a topic and in an object alike: `{"data":{"responses":[…]}}`, contract page "Results". */
import { isUtf8 } from 'node:buffer'

export const VALUE_HEAD = Buffer.from('{"data":{"responses":[')
export const SEPARATOR = Buffer.from(',')
const VALUE_TAIL = Buffer.from(']}}')

/** What follows after the responses: with an opaque result, that is a member beside them. */
export function valueTail(result: Buffer | null): Buffer {
  return result === null ? VALUE_TAIL : Buffer.concat([Buffer.from('],"result":'), result, Buffer.from('}}')])
}

/** An opaque result as JSON: as it came when it is JSON, else a text; bytes that are no text in base64. */
export function opaqueResult(bytes: Buffer): Buffer {
  if (!isUtf8(bytes)) return Buffer.from(JSON.stringify(bytes.toString('base64')))
  const text = bytes.toString()
  try {
    JSON.parse(text)
    return bytes
  } catch {
    return Buffer.from(JSON.stringify(text))
  }
}
