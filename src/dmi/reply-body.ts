import type { Clock } from '../runtime/clock.ts'

export interface ReplyLimits {
  readonly replyBytesMax: number
  /** When the whole call must be over, in the clock's time. */
  readonly deadline: number
  readonly clock: Clock
}

export type ReplyBody =
  | { readonly complete: true; readonly bytes: Buffer }
  | { readonly complete: false; readonly bytes: Buffer; readonly exceeded: 'bytes' | 'deadline' }

/**
 * Reads an answer that is meant to be short. One that isn't, or that drips in for longer than its deadline, is cut off
 * together with its connection. Throws what the stream fails with.
 */
export async function readReplyBody(body: AsyncIterable<Buffer>, limits: ReplyLimits): Promise<ReplyBody> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
    if (length > limits.replyBytesMax) return { complete: false, bytes: Buffer.concat(chunks), exceeded: 'bytes' }
    // Silence is bodyTimeoutMs's affair, so looking at the clock only when something comes is enough.
    if (limits.clock.now() > limits.deadline) {
      return { complete: false, bytes: Buffer.concat(chunks), exceeded: 'deadline' }
    }
  }
  return { complete: true, bytes: Buffer.concat(chunks) }
}

const SNIPPET_LENGTH_MAX = 200
// What is looked at to find that many characters that are not spaces.
const LOOKED_AT_LENGTH_MAX = 2_000

/** The beginning of a body for a message: on one line, shortened, with every given secret struck out. */
export function snippet(body: Buffer, secrets: readonly string[]): string {
  let text = body.toString()
  // Struck out before anything is cut, for half a secret would not be recognised.
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '***')
  const line = text.slice(0, LOOKED_AT_LENGTH_MAX).replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > SNIPPET_LENGTH_MAX ? `${line.slice(0, SNIPPET_LENGTH_MAX - 1)}…` : line
}
