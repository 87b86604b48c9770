/** Reads bodies of any size, chunk by chunk, from clients that may be slow, wrong or gone. */
import type { Readable } from 'node:stream'
import { setImmediate as nextLoop } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import type { Timers } from '../runtime/clock.ts'
import { Refusal } from './errors.ts'

export interface BodyBounds {
  readonly timers: Timers
  readonly bytesMax: number
  /** How long a client may send nothing. */
  readonly idleMsMax: number
}

// Others are served after so many bytes: a few milliseconds of work.
const SLICE_BYTES = 64 * 1024

/**
 * Hands the body over in slices, each when the one before was taken. Throws a 413 above the limit, a 408 when nothing comes, a
 * 400 when the client has gone, and what `take` throws.
 */
export async function readBody(
  { headers }: Pick<FastifyRequest, 'headers'>,
  body: Readable,
  bounds: BodyBounds,
  take: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const { bytesMax } = bounds
  const announced = headers['content-length']
  if (Number(announced) > bytesMax) throw tooLarge(announced, bytesMax)
  const chunks = body.iterator({ destroyOnReturn: false })
  let bytes = 0
  try {
    for (;;) {
      const chunk = await nextChunk(chunks, bounds)
      if (chunk === null) return
      bytes += chunk.length
      if (bytes > bytesMax) throw tooLarge(undefined, bytesMax)
      for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
        await take(chunk.subarray(at, at + SLICE_BYTES))
        await nextLoop()
      }
    }
  } finally {
    // Without, what is left could be read by nobody else. It waits for a chunk that may never come: nobody waits for it.
    void chunks.return?.().catch(() => undefined)
  }
}

function nextChunk(chunks: AsyncIterator<unknown>, { timers, idleMsMax }: BodyBounds): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(idleMsMax, () => {
      reject(new Refusal(408, 'The request did not arrive in time', { details: `Nothing came for ${idleMsMax} ms.` }))
    })
    chunks
      .next()
      .then(({ done, value }) => {
        resolve(done === true ? null : (value as Buffer))
      })
      .catch((cause: unknown) => {
        reject(new Refusal(400, 'The body did not arrive as a whole', { cause }))
      })
      .finally(() => {
        timer.cancel()
      })
  })
}

function tooLarge(bytes: string | undefined, bytesMax: number): Refusal {
  const size = bytes === undefined ? 'The body' : `A body of ${bytes} bytes`
  const details = 'Send it as several jobs. The operator may allow more by DATAJOB_BODY_BYTES_MAX.'
  return new Refusal(413, `${size} is larger than the ${bytesMax} bytes allowed`, { details })
}
