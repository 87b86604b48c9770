/** A subjob in every state, with its attempts, as fast-check makes them up. */
import fc from 'fast-check'
import type { Attempt } from '../../src/domain/attempt.ts'
import { OUTCOMES } from '../../src/domain/job-counts.ts'
import { ResponseCode } from '../../src/domain/response-code.ts'
import type { Subjob } from '../../src/domain/subjob.ts'
import { int, maybe, text, time } from './codec-values.ts'

export const outcome = fc.constantFrom(...OUTCOMES)
export const code = fc.constantFrom(...Object.values(ResponseCode))
export const object = fc.record({ key: text, bytes: fc.maxSafeNat().map((bytes) => Math.min(bytes, 2 ** 53 - 2)), etag: text })

export const attempt: fc.Arbitrary<Attempt> = fc.record({
  number: int,
  worker: text,
  startedAt: time,
  endedAt: time,
  outcome,
  code: maybe(code),
  message: maybe(text),
})

const startedAttempt = fc.record({ number: int, worker: text, startedAt: time })

export const attempts = fc.array(attempt, { maxLength: 3 })
const stop = maybe(
  fc.record({ reason: fc.constantFrom('cancelled' as const, 'deadline' as const), code, message: text, giveUpAt: time }),
)

export const subjob: fc.Arbitrary<Subjob> = fc.oneof(
  fc.record({ state: fc.constant('queued' as const), notBefore: time, attempts, stop }),
  fc.record({ state: fc.constant('submitting' as const), attempt: startedAttempt, attempts, stop }),
  fc.record({ state: fc.constant('polling' as const), attempt: startedAttempt, dataProducerJobId: text, failures: int, attempts, stop }),
  fc.record({
    state: fc.constant('publishing' as const),
    attempt: maybe(startedAttempt),
    source: fc.oneof(
      fc.record({ type: fc.constant('result' as const), dataProducerJobId: text }),
      fc.record({ type: fc.constant('failure' as const), code, message: text }),
    ),
    failures: int,
    sinkFailures: int,
    attempts,
    stop,
  }),
  fc.record({
    state: fc.constant('ended' as const),
    end: fc.record({ outcome, succeeded: int, failed: int, object: maybe(object), message: maybe(text), at: time }),
    attempts,
    stop,
  }),
)
