/** Whatever is killed, late or refused: every callback is delivered or set aside, and a line's in their order. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jobId } from '../../src/domain/ids.ts'
import type { JobNotice } from '../../src/domain/messages.ts'
import type { CallbackRule, CallbackTried, DeliverCallback, DeliveryOutcome } from '../../src/stages/notifier/callback-delivery.ts'
import { Notifier } from '../../src/stages/notifier/notifier.ts'
import { exampleFacts } from '../fakes/domain-examples.ts'
import { compacted, StageRun } from '../fakes/stage-run.ts'

const START = { run: 1, partsLeft: 0, released: [], generated: [], abandonedAt: null, milestones: [] } as const

type Step =
  | { readonly type: 'notice'; readonly job: number; readonly host: number }
  | { readonly type: 'answer'; readonly which: number; readonly outcome: DeliveryOutcome }
  | { readonly type: 'ring' }
  | { readonly type: 'restart'; readonly keepDeletions: boolean }

const outcome: fc.Arbitrary<DeliveryOutcome> = fc.oneof(
  fc.constant({ type: 'delivered' } as const),
  fc.constant({ type: 'refused', message: 'it answered 404' } as const),
  fc.integer({ min: 0, max: 3_000 }).map((retryAfterMs) => ({ type: 'failed' as const, message: 'it answered 503', retryAfterMs })),
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('notice' as const), job: fc.nat(3), host: fc.nat(2) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('answer' as const), which: fc.nat(5), outcome }) },
  { weight: 2, arbitrary: fc.constant({ type: 'ring' } as const) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const), keepDeletions: fc.boolean() }) },
)

const IN_FLIGHT_MAX = 3
const PER_HOST_MAX = 2
const rule: CallbackRule = ({ job, at }) => [{ id: `${job.jobId}/${at}`, line: job.jobId, url: job.callbacks['to'] ?? '', kind: 'to' }]

class World {
  readonly run = new StageRun<DeliverCallback, CallbackTried, Notifier>(() => new Notifier({
    ...{ topic: 'callbacks', rules: { ncmp: rule }, places: { inFlightMax: IN_FLIGHT_MAX, perHostMax: PER_HOST_MAX } },
    ...{ retries: { delayMinMs: 10, delayMaxMs: 1_000 }, tryForMs: 5_000, perJobMax: 8, random: () => 0.7 },
  }))
  /** Those that were due, by line. */
  readonly due = new Map<string, string[]>()
  /** What was taken by its receiver or set aside, once each, in that order. */
  readonly settled = new Map<string, string[]>()
  #notices = 0

  do(step: Step): void {
    switch (step.type) {
      case 'notice':
        this.#notice(step.job, step.host)
        return
      case 'answer':
        this.#answer(step.which, step.outcome)
        return
      case 'ring':
        if (this.run.timers.size > 0) this.run.ring()
        return
      case 'restart':
        // What was under way may have come to its receiver, and comes again.
        this.run.restart(compacted(this.run.changelog, step))
    }
  }

  /** Until nothing waits, with a receiver that takes all. */
  finish(): void {
    while (this.run.stage.load() > 0) {
      if (this.run.effects.length > 0) this.#answer(0, { type: 'delivered' })
      else this.run.ring()
    }
  }

  #notice(job: number, host: number): void {
    this.#notices += 1
    const at = this.run.now * 1_000 + this.#notices
    const counts = { total: 1, succeeded: 0, failed: 0 }
    const progress = { operations: counts, subjobs: { ...counts, partiallyFailed: 0, cancelled: 0 }, message: null, ...START }
    const facts = exampleFacts({ jobId: jobId(`job-${job}`), callbacks: { to: `http://host-${host}/` } })
    const notice: JobNotice = { type: 'JobNotice', job: { ...facts, ...progress, state: 'accepted' }, previous: null, report: null, at }
    const { deadLetters } = this.run.take(notice, { timestampMs: this.run.now })
    const id = `job-${job}/${at}`
    if (deadLetters.length === 0) listOf(this.due, `job-${job}`).push(id)
    else expect(deadLetters[0]?.cause).toContain(id)
  }

  #answer(which: number, answered: DeliveryOutcome): void {
    const [effect] = this.run.effects.splice(which % Math.max(1, this.run.effects.length), 1)
    if (effect === undefined) return
    const { id, line } = effect.callback
    const before = this.run.stage.load()
    this.run.complete({ id, line, outcome: answered })
    if (this.run.stage.load() < before) listOf(this.settled, line).push(id)
  }
}

function listOf(lists: Map<string, string[]>, key: string): string[] {
  const list = lists.get(key) ?? []
  lists.set(key, list)
  return list
}

test('every callback is delivered or set aside once, in the order of its line, and places are kept', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World()
      for (const each of steps) {
        world.do(each)
        const hosts = world.run.effects.map(({ callback }) => callback.url)
        expect(hosts.length).toBeLessThanOrEqual(IN_FLIGHT_MAX)
        for (const host of hosts) expect(hosts.filter((other) => other === host).length).toBeLessThanOrEqual(PER_HOST_MAX)
        const lines = world.run.effects.map(({ callback }) => callback.line)
        expect(new Set(lines).size).toBe(lines.length)
      }
      world.finish()
      expect(world.settled).toEqual(world.due)
      expect(compacted(world.run.changelog, { keepDeletions: false })).toEqual([])
    }),
    { numRuns: 500 },
  )
})
