import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { localCodec } from '../../src/codec/local-codec.ts'
import { ResponseCode } from '../../src/domain/response-code.ts'
import {
  decideSubjob, durableSubjobEvents, evolveSubjob, newSubjob, type Subjob, type SubjobCommand, type SubjobEvent, type SubjobLimits,
  type SubjobState, subjobTransitions,
} from '../../src/domain/subjob.ts'

const OPERATIONS = 3

const at = fc.nat({ max: 99 })
const code = fc.constantFrom(...Object.values(ResponseCode))
const disposition = fc.constantFrom('retry' as const, 'retry' as const, 'reject' as const)
const failure = fc.record({ disposition, code, message: fc.constant('why') })
const object = fc.constantFrom(null, { key: 'k', bytes: 1, etag: 'e' })
const publication = fc
  .record({ failed: fc.nat({ max: OPERATIONS }), object, message: fc.constantFrom(null, 'said') })
  .map((each) => ({ ...each, succeeded: OPERATIONS - each.failed }))
const stop = fc.record({
  reason: fc.constantFrom('cancelled' as const, 'deadline' as const),
  code,
  message: fc.constant('stopped'),
  giveUpAt: at,
})

/** Any command, whether a dispatcher would give it at that time or not. */
const anyCommand: fc.Arbitrary<SubjobCommand> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('StartAttempt'), worker: fc.constant('w'), at }), weight: 4 },
  { arbitrary: fc.record({ type: fc.constant('RecordSubmission'), dataProducerJobId: fc.constantFrom('d1', 'd2') }), weight: 4 },
  fc.record({ type: fc.constant('RecordStatus'), status: fc.constantFrom('pending' as const, 'finished' as const) }),
  { arbitrary: fc.record({ type: fc.constant('RecordCallFailure'), failure, at, retryAt: at }), weight: 3 },
  fc.record({ type: fc.constant('RecordPublication'), publication, at }),
  fc.record({ type: fc.constant('RecordSinkFailure'), failure, operations: fc.constant(OPERATIONS), at }),
  fc.record({ type: fc.constant('StopSubjob'), stop }),
  fc.record({ type: fc.constant('GiveUpSubjob'), at }),
  fc.record({ type: fc.constant('RefuseSubjob'), code, message: fc.constant('refused') }),
)
const commands = fc.array(anyCommand, { maxLength: 40, size: 'max' })
const anyLimits = fc.record({ attemptsMax: fc.integer({ min: 1, max: 3 }), callFailuresMax: fc.integer({ min: 1, max: 3 }) })

/** The subjob after the command; each event is held against the table of transitions. */
function after(subjob: Subjob, command: SubjobCommand, limits: SubjobLimits): Subjob {
  return decideSubjob(subjob, command, limits).reduce((before, event) => {
    const targets: Partial<Record<SubjobEvent['type'], SubjobState>> = subjobTransitions[before.state]
    const next = evolveSubjob(before, event)
    expect(next.state).toBe(targets[event.type])
    return next
  }, subjob)
}

function afterAll(all: readonly SubjobCommand[], limits: SubjobLimits): Subjob {
  return all.reduce((subjob, command) => after(subjob, command, limits), newSubjob())
}

describe('a subjob that is told anything, at any time', () => {
  it('goes only where its table leads, with attempts numbered from 1 and no more of them than allowed', () => {
    fc.assert(
      fc.property(commands, anyLimits, (all, limits) => {
        let subjob = newSubjob()
        for (const command of all) {
          subjob = after(subjob, command, limits)
          const current = 'attempt' in subjob && subjob.attempt !== null ? [subjob.attempt] : []
          const numbers = [...subjob.attempts, ...current].map((attempt) => attempt.number)
          expect(numbers).toEqual(numbers.map((_, position) => position + 1))
          expect(numbers.length).toBeLessThanOrEqual(limits.attemptsMax)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('ends once, with all of its operations accounted for, and nothing changes it after that', () => {
    fc.assert(
      fc.property(commands, anyCommand, anyLimits, (all, late, limits) => {
        const subjob = afterAll(all, limits)
        if (subjob.state !== 'ended') return
        const { outcome, succeeded, failed } = subjob.end
        expect(succeeded + failed).toBe(OPERATIONS)
        expect([outcome === 'succeeded', outcome === 'partiallyFailed']).toEqual([failed === 0, failed > 0 && succeeded > 0])
        expect(outcome !== 'cancelled' || subjob.stop?.reason === 'cancelled').toBe(true)
        expect(decideSubjob(subjob, late, limits)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  it('is not changed by what it was told before', () => {
    fc.assert(
      fc.property(commands, anyCommand, anyLimits, (all, command, limits) => {
        // Of calls and publications that failed there may be several alike: the dispatcher tells them apart.
        if (command.type === 'RecordCallFailure' || command.type === 'RecordSinkFailure') return
        const once = after(afterAll(all, limits), command, limits)
        expect(decideSubjob(once, command, limits)).toEqual([])
      }),
      { numRuns: 1_000 },
    )
  })

  it('can always be brought to its end', () => {
    const rest: readonly SubjobCommand[] = [
      { type: 'StartAttempt', worker: 'w', at: 1 },
      { type: 'RecordSubmission', dataProducerJobId: 'd' },
      { type: 'RecordStatus', status: 'finished' },
      { type: 'RecordPublication', publication: { succeeded: OPERATIONS, failed: 0, object: null, message: null }, at: 2 },
    ]
    fc.assert(
      fc.property(commands, anyLimits, (all, limits) => {
        expect(afterAll([...all, ...rest], limits).state).toBe('ended')
      }),
      { numRuns: 500 },
    )
  })

  it('that fails in every way is given up after a bounded number of commands', () => {
    const hopeless: SubjobCommand = {
      type: 'RecordCallFailure',
      failure: { disposition: 'retry', code: ResponseCode.ServiceNotResponding, message: 'away' },
      at: 1,
      retryAt: 2,
    }
    fc.assert(
      fc.property(commands, anyLimits, (all, limits) => {
        let subjob = afterAll(all, limits)
        const rounds = limits.attemptsMax * (limits.callFailuresMax + 1)
        for (let n = 0; n < rounds && subjob.state !== 'ended' && !isGivenUp(subjob); n += 1) {
          subjob = after(after(subjob, { type: 'StartAttempt', worker: 'w', at: 1 }, limits), hopeless, limits)
        }
        expect(subjob.state === 'ended' || isGivenUp(subjob)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a subjob in its changelog', () => {
  it('has there what must not be forgotten: its attempts, its stop, the work at the producer, and its end', () => {
    fc.assert(
      fc.property(commands, anyLimits, (all, limits) => {
        let subjob = newSubjob()
        let stored = subjob
        for (const command of all) {
          const events = decideSubjob(subjob, command, limits)
          subjob = events.reduce(evolveSubjob, subjob)
          if (events.some(({ type }) => durableSubjobEvents.has(type))) stored = subjob
          expect([stored.attempts, stored.stop, workOf(stored)]).toEqual([subjob.attempts, subjob.stop, workOf(subjob)])
          expect([stored.state === 'ended', isGivenUp(stored)]).toEqual([subjob.state === 'ended', isGivenUp(subjob)])
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('is read back as it was, in every state that it can come to', () => {
    const codec = localCodec()
    fc.assert(
      fc.property(commands, anyLimits, (all, limits) => {
        const message = { type: 'SubjobProgressed', jobId: 'j', index: 0, subjob: afterAll(all, limits) } as const
        expect(codec.decode(codec.encode(message))).toEqual({ ok: true, message })
      }),
      { numRuns: 500 },
    )
  })
})

/** No producer is asked any more: why not is still to be told. */
function isGivenUp(subjob: Subjob): boolean {
  return subjob.state === 'publishing' && subjob.attempt === null
}

/** The producer's own name for what it is doing, or has done. */
function workOf(subjob: Subjob): string | null {
  if (subjob.state === 'polling') return subjob.dataProducerJobId
  return subjob.state === 'publishing' && subjob.source.type === 'result' ? subjob.source.dataProducerJobId : null
}
