import type { Clock } from '../runtime/clock.ts'

/** A result kept us waiting for too long, bit by bit. Fetching it again would most likely take as long: reject. */
export class ResultTooSlow extends Error {
  override readonly name = 'ResultTooSlow'
  readonly disposition = 'reject'
  readonly code = 'too-slow'
}

/**
 * The body as it comes, for as long as waiting for it takes no longer than allowed in all. The time that its reader takes
 * does not count: where results go to may be slow, and that is not the producer's fault. Silence is bounded elsewhere, so
 * that looking at the clock when something comes is enough.
 * @throws ResultTooSlow, or what the body fails with
 */
export async function* patientBody(
  body: AsyncIterable<Uint8Array>,
  { waitMsMax, clock }: { readonly waitMsMax: number; readonly clock: Clock },
): AsyncGenerator<Uint8Array, void, undefined> {
  let waitedMs = 0
  let askedAt = clock.now()
  for await (const chunk of body) {
    waitedMs += clock.now() - askedAt
    if (waitedMs > waitMsMax) throw new ResultTooSlow(`the result kept us waiting for longer than resultTimeoutMs, ${waitMsMax}`)
    yield chunk
    askedAt = clock.now()
  }
}
