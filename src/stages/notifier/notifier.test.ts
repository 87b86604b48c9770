import { describe, expect, test } from 'vitest'
import { exampleFacts } from '../../../test/fakes/domain-examples.ts'
import { compacted, StageRun } from '../../../test/fakes/stage-run.ts'
import { jobId } from '../../domain/ids.ts'
import type { Job } from '../../domain/job.ts'
import type { JobNotice } from '../../domain/messages.ts'
import type { CallbackRule, CallbackTried, DeliverCallback, DeliveryOutcome } from './callback-delivery.ts'
import { Notifier, type NotifierOptions } from './notifier.ts'

const START = { run: 1, partsLeft: 0, released: [], generated: [], abandonedAt: null, milestones: [] } as const

const DELIVERED: DeliveryOutcome = { type: 'delivered' }
const FAILED: DeliveryOutcome = { type: 'failed', message: 'it answered 503', retryAfterMs: 0 }
const TRY_FOR_MS = 60_000

/** Each notice is told, in one line a job. */
const rule: CallbackRule = ({ job, at }) => {
  return Object.entries(job.callbacks).map(([kind, url]) => ({ id: `${job.jobId}/${at}/${kind}`, line: job.jobId, url, kind }))
}

const options: NotifierOptions = {
  topic: 'datajob.callbacks',
  rules: { ncmp: rule },
  places: { inFlightMax: 3, perHostMax: 2 },
  retries: { delayMinMs: 100, delayMaxMs: 10_000 },
  tryForMs: TRY_FOR_MS,
  perJobMax: 4,
  random: () => 0.5,
}

function notifier(changes: Partial<NotifierOptions> = {}): StageRun<DeliverCallback, CallbackTried, Notifier> {
  return new StageRun(() => new Notifier({ ...options, ...changes }))
}

function notice(at: number, { job = 'job-1', callbacks = { done: 'http://one.example/' }, dialect = 'ncmp' } = {}): JobNotice {
  const counts = { total: 1, succeeded: 0, failed: 0 }
  const progress = { operations: counts, subjobs: { ...counts, partiallyFailed: 0, cancelled: 0 }, message: null, ...START }
  const snapshot: Job = { ...exampleFacts({ jobId: jobId(job), callbacks, dialect }), ...progress, state: 'accepted' }
  return { type: 'JobNotice', job: snapshot, previous: null, report: null, at }
}

function begun(run: StageRun<DeliverCallback, CallbackTried, Notifier>): readonly string[] {
  return run.takeEffects().map(({ callback }) => callback.id)
}

function tried(id: string, outcome: DeliveryOutcome = DELIVERED): CallbackTried {
  return { id, line: id.slice(0, id.indexOf('/')), outcome }
}

describe('callbacks of one line', () => {
  test('are delivered one after the other, in the order of their notices', () => {
    const run = notifier()
    for (const at of [1_000, 1_001, 1_002]) run.take(notice(at))
    expect(begun(run)).toEqual(['job-1/1000/done'])
    run.complete(tried('job-1/1000/done'))
    expect(begun(run)).toEqual(['job-1/1001/done'])
    run.complete(tried('job-1/1001/done'))
    run.complete(tried('job-1/1002/done'))
    expect(run.stage.load()).toBe(0)
    expect(compacted(run.changelog, { keepDeletions: false })).toEqual([])
  })

  test('wait for the one that fails, which is tried again later and later', () => {
    const run = notifier()
    run.take(notice(1_000))
    run.take(notice(1_001))
    const waits = [1, 2, 3].map(() => {
      const [wake] = run.complete(tried('job-1/1000/done', FAILED)).wakes
      run.ring()
      return wake?.at
    })
    expect(waits).toEqual([1_050, 1_150, 1_350])
    expect(begun(run)).toEqual(Array.from({ length: 4 }, () => 'job-1/1000/done'))
  })

  test('are not tried sooner than the receiver asks', () => {
    const run = notifier()
    run.take(notice(1_000))
    expect(run.complete(tried('job-1/1000/done', { ...FAILED, retryAfterMs: 7_000 })).wakes[0]?.at).toBe(8_000)
  })

  test('go on with the next one when one is refused, or was tried for too long: that is a dead letter with its notice', () => {
    const run = notifier()
    run.take(notice(1_000), { offset: 7, partition: 2 })
    run.take(notice(1_001))
    run.take(notice(1_002))
    const [refused] = run.complete(tried('job-1/1000/done', { type: 'refused', message: 'it answered 410' })).deadLetters
    expect(refused?.cause).toBe('callback job-1/1000/done: it answered 410')
    expect(refused?.record).toMatchObject({ topic: 'datajob.callbacks', partition: 2, offset: 7 })
    expect(refused?.record.headers).toEqual({ datajob_callback_id: 'job-1/1000/done', datajob_callback_url: 'http://one.example/' })
    expect(JSON.parse(refused?.record.value?.toString() ?? '')).toMatchObject({ type: 'JobNotice', at: 1_000 })
    run.now = 1_001 + TRY_FOR_MS
    const [late] = run.complete(tried('job-1/1001/done', FAILED)).deadLetters
    expect(late?.cause).toBe(`callback job-1/1001/done: tried for ${TRY_FOR_MS} ms: it answered 503`)
    expect(begun(run)).toEqual(['job-1/1000/done', 'job-1/1001/done', 'job-1/1002/done'])
  })
})

describe('a lane that has lost its partition', () => {
  // Its commit fails, and what a turn begins is begun after the commit: but only a turn that writes commits anything.
  test('delivers nothing more: what is tried again, or begun after a restart or in another’s place, is begun by a turn that writes', () => {
    const run = notifier({ places: { inFlightMax: 1, perHostMax: 1 } })
    run.take(notice(1_000))
    run.take(notice(1_000, { job: 'job-2' }))
    const instead = run.complete(tried('job-1/1000/done', FAILED))
    run.complete(tried('job-2/1000/done'))
    const turns = [instead, run.ring(), run.restart(compacted(run.changelog))]
    expect(turns.map(({ effects }) => effects.map(({ callback }) => callback.id))).toEqual([
      ['job-2/1000/done'], ['job-1/1000/done'], ['job-1/1000/done'],
    ])
    expect(turns.map(({ stored }) => stored.length > 0)).toEqual([true, true, true])
  })
})

describe('after a restart', () => {
  test('what was not delivered is delivered in its order, under the same ids', () => {
    const run = notifier()
    for (const at of [1_000, 1_001, 1_002]) run.take(notice(at))
    run.complete(tried('job-1/1000/done'))
    run.restart(compacted(run.changelog))
    expect(begun(run)).toEqual(['job-1/1001/done'])
    run.complete(tried('job-1/1001/done'))
    expect(begun(run)).toEqual(['job-1/1002/done'])
    expect(run.stage.load()).toBe(1)
  })
})

describe('places', () => {
  test('are shared: a host that hangs leaves others theirs, and who waits for longest is next', () => {
    const run = notifier()
    for (const job of ['a', 'b', 'c', 'd']) run.take(notice(1_000, { job, callbacks: { done: 'http://hangs.example/x' } }))
    run.take(notice(1_000, { job: 'e' }))
    run.take(notice(1_000, { job: 'f' }))
    expect(begun(run)).toEqual(['a/1000/done', 'b/1000/done', 'e/1000/done'])
    run.complete(tried('e/1000/done'))
    expect(begun(run)).toEqual(['f/1000/done'])
    run.complete(tried('a/1000/done', FAILED))
    expect(begun(run)).toEqual(['c/1000/done'])
    run.complete(tried('f/1000/done'))
    run.complete(tried('b/1000/done'))
    expect(begun(run)).toEqual(['d/1000/done'])
  })
})

test('a job with too many callbacks that wait has the others set aside', () => {
  const run = notifier()
  const turns = [1, 2, 3, 4, 5].map((at) => run.take(notice(at)))
  expect(turns.flatMap(({ deadLetters }) => deadLetters).map(({ cause }) => cause)).toEqual([
    'callback job-1/5/done: the job has 4 callbacks waiting already',
  ])
  expect(run.stage.load()).toBe(4)
})

test('a job of a dialect without callbacks is passed over', () => {
  expect(notifier().take(notice(1, { dialect: 'kafka' })).silent).toBe(true)
})

test('what is no notice is set aside', () => {
  const turn = notifier().take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null })
  expect(turn.deadLetters).toHaveLength(1)
})
