/** What becomes of a callback, whatever its receiver does: by HTTP, or in the simulation. */
import { describe, expect, it } from 'vitest'
import type { CallbackQueued } from '../../src/domain/messages.ts'
import type { EffectRunner } from '../../src/stages/stage.ts'
import type { CallbackTried, DeliverCallback } from '../../src/stages/notifier/callback-delivery.ts'

/** How the receiver answers: 429 with `Retry-After: 2`; 503; 410; never. */
export type ReceiverMood = 'well' | 'busy' | 'failing' | 'refusing' | 'silent'

export interface CallbacksUnderTest {
  readonly run: EffectRunner<DeliverCallback, CallbackTried>
  /** Where callbacks are to go. */
  readonly url: string
  /** By which id each came that did. */
  readonly received: () => readonly string[]
}

const { signal } = new AbortController()
const ID = 'job-1/1/ended'

function callbackTo(url: string): CallbackQueued {
  const place = { partition: 0, offset: 0, timestampMs: 0, notice: Buffer.alloc(0) }
  return { type: 'CallbackQueued', id: ID, line: 'job-1', url, kind: 'done', dialect: 'ogc', jobId: 'job-1', queuedAt: 0, ...place }
}

/** `start` is called within a test, and ends what it starts when the test does. */
export function exerciseCallbackEffects(name: string, start: (mood: ReceiverMood) => Promise<CallbacksUnderTest>): void {
  describe(`the effects of a notifier ${name}`, () => {
    it.each([
      ['well', { type: 'delivered' }],
      ['busy', { type: 'failed', message: 'it answered 429', retryAfterMs: 2_000 }],
      ['failing', { type: 'failed', message: 'it answered 503', retryAfterMs: 0 }],
      ['refusing', { type: 'refused', message: 'it answered 410' }],
    ] as const)('say of a receiver that is %s what becomes of the callback, each time that it is sent', async (mood, outcome) => {
      const { run, url, received } = await start(mood)
      for (const times of [1, 2]) {
        expect(await run({ type: 'DeliverCallback', callback: callbackTo(url) }, signal)).toEqual({ id: ID, line: 'job-1', outcome })
        expect(received()).toHaveLength(times)
      }
      expect(new Set(received()).size).toBe(1)
    })

    it('say of a receiver that says nothing that it is to be tried again', async () => {
      const { run, url } = await start('silent')
      const tried = await run({ type: 'DeliverCallback', callback: callbackTo(url) }, signal)
      expect(tried).toMatchObject({ id: ID, line: 'job-1', outcome: { type: 'failed', retryAfterMs: 0 } })
    })
  })
}
