/** Reads a request’s body whole, bounded. */

export type JsonBody =
  | { readonly type: 'read'; readonly value: unknown }
  | { readonly type: 'invalid' | 'too-large'; readonly message: string }
  /** The client went away in the middle. */
  | { readonly type: 'gone' }

/** What is too large is read to its end all the same, or the connection could not be used again. */
export async function readJsonBody(request: AsyncIterable<Uint8Array>, bytesMax: number): Promise<JsonBody> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const piece of request) {
      bytes += piece.length
      if (bytes <= bytesMax) pieces.push(piece)
      else pieces.length = 0
    }
  } catch {
    return { type: 'gone' }
  }
  if (bytes > bytesMax) return { type: 'too-large', message: `the body has ${bytes} bytes, more than bodyBytesMax, ${bytesMax}` }
  try {
    return { type: 'read', value: JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown }
  } catch (error) {
    return { type: 'invalid', message: `the body is not JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
}
