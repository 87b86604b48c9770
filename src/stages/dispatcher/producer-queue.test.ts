import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProducerQueue, type QueuedSubjob } from './producer-queue.ts'

const shared = { tenant: 'default', priority: 100, operations: 1 }
const read = (jobId: string, n: number): QueuedSubjob => ({ jobId, subjobId: `${jobId}/${n}`, ordered: false, ...shared })
const write = (jobId: string, n: number): QueuedSubjob => ({ ...read(jobId, n), ordered: true })

describe('a producer\'s queue', () => {
  it('lets jobs take turns, each in the order of its subjobs', () => {
    const queue = filled([read('a', 0), read('a', 1), read('a', 2), read('b', 0), read('c', 0), read('c', 1)])
    expect(takeAll(queue, 10)).toEqual(['a/0', 'b/0', 'c/0', 'a/1', 'c/1', 'a/2'])
  })

  it('counts operations, not subjobs', () => {
    const large = (n: number): QueuedSubjob => ({ ...read('large', n), operations: 1_000 })
    const small = Array.from({ length: 12 }, (_, n): QueuedSubjob => ({ ...read('small', n), operations: 100 }))
    const queue = filled([large(0), large(1), large(2), ...small])
    expect(takeAll(queue, 14).slice(0, 11)).toEqual(['large/0', ...Array.from({ length: 10 }, (_, n) => `small/${n}`)])
  })

  it('gives a job by its priority, and every tenant as much as the others', () => {
    const of = (job: Partial<QueuedSubjob> & { readonly jobId: string }): readonly QueuedSubjob[] =>
      Array.from({ length: 120 }, (_, n): QueuedSubjob => ({ ...read(job.jobId, n), ...job }))
    const [urgent, usual, other] = [of({ jobId: 'urgent', priority: 50 }), of({ jobId: 'usual' }), of({ jobId: 'other', tenant: 'other' })]
    const taken = takeAll(filled([...usual, ...urgent, ...other]), 120)
    const had = (jobId: string): number => taken.filter((each) => each.startsWith(`${jobId}/`)).length
    expect([had('other'), had('urgent'), had('usual')]).toEqual([60, 40, 20])
  })

  it('serves a small job that comes when a large one has had much within one helping', () => {
    const queue = filled(Array.from({ length: 1_000 }, (_, n): QueuedSubjob => ({ ...read('large', n), operations: 1_000 })))
    takeAll(queue, 500)
    queue.add({ ...read('small', 0), operations: 100 })
    expect(takeAll(queue, 502)).toContain('small/0')
  })

  it('starts no more than allowed', () => {
    const queue = filled([read('a', 0), read('a', 1), read('b', 0)])
    expect(takeAll(queue, 2)).toEqual(['a/0', 'b/0'])
    expect(queue.running).toBe(2)
    expect(takeAll(queue, 0)).toEqual([])
  })

  it('starts one subjob at a time of a job that is ordered', () => {
    const queue = filled([write('a', 0), write('a', 1), write('b', 0)])
    expect(takeAll(queue, 10)).toEqual(['a/0', 'b/0'])
    queue.end(write('a', 0), true)
    expect(takeAll(queue, 10)).toEqual(['a/1'])
  })

  it('brings a paused subjob back before others of its job', () => {
    for (const subjob of [read, write]) {
      const queue = filled([subjob('a', 0), subjob('a', 1), subjob('a', 2)])
      queue.take(1)
      queue.pause()
      queue.retry(subjob('a', 0))
      expect(takeAll(queue, 1)).toEqual(['a/0'])
    }
  })

  it('is idle again when all have ended, paused ones too', () => {
    const queue = filled([write('a', 0), read('b', 0)])
    takeAll(queue, 10)
    queue.pause()
    queue.end(write('a', 0), false)
    expect(queue.idle).toBe(false)
    queue.end(read('b', 0), true)
    expect(queue.idle).toBe(true)
  })

  it('starts no write before all that it resumed of the job has ended', () => {
    const queue = new ProducerQueue()
    queue.resume(write('a', 0), true)
    queue.resume(write('a', 2), false)
    queue.add(write('a', 1))
    queue.end(write('a', 2), false)
    expect(takeAll(queue, 10)).toEqual([])
    queue.end(write('a', 0), true)
    expect(takeAll(queue, 10)).toEqual(['a/1'])
  })

  it('resumes what had begun before a restart', () => {
    const queue = filled([write('a', 1), write('b', 1), read('c', 1)])
    queue.resume(write('a', 0), true)
    queue.resume(write('b', 0), false)
    queue.resume(read('c', 0), true)
    expect(queue.running).toBe(2)
    expect(takeAll(queue, 10)).toEqual(['c/1'])
    queue.retry(write('b', 0))
    queue.end(write('a', 0), true)
    expect(takeAll(queue, 10)).toEqual(['b/0', 'a/1'])
  })
})

const jobs = ['r1', 'r2', 'w1', 'w2', 'w3']

describe('any use of a producer\'s queue', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ step: fc.constant('add' as const), job: fc.constantFrom(...jobs) }) },
      { weight: 4, arbitrary: fc.record({ step: fc.constant('take' as const), max: fc.integer({ min: 0, max: 4 }) }) },
      ...(['pause', 'retry', 'endRunning', 'endPaused'] as const).map((step) => ({
        weight: 2,
        arbitrary: fc.record({ step: fc.constant(step), pick: fc.nat() }),
      })),
    ),
    { maxLength: 200 },
  )

  it('keeps the limit, the order within a job, and never stalls', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const model = new QueueModel()
        for (const step of all) {
          if (step.step === 'add') model.add(step.job)
          else if (step.step === 'take') model.take(step.max)
          else model.change(step.step, step.pick)
          expect(model.queue.running).toBe(model.running.length)
          expect(model.queue.idle).toBe(model.isIdle)
        }
        model.finish()
        expect(model.queue.idle).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

/** What the queue must agree with: where every subjob is, and which one an ordered job has begun. */
class QueueModel {
  readonly queue = new ProducerQueue()
  readonly waiting = new Map<string, QueuedSubjob[]>(jobs.map((job) => [job, []]))
  readonly holders = new Map<string, string>()
  readonly running: QueuedSubjob[] = []
  readonly paused: QueuedSubjob[] = []
  readonly #passedOver = new Map<string, Set<string>>()
  #added = 0

  get isIdle(): boolean {
    return this.running.length === 0 && this.holders.size === 0 && [...this.waiting.values()].every((each) => each.length === 0)
  }

  add(job: string): void {
    const subjob = { ...read(job, (this.#added += 1)), ordered: job.startsWith('w') }
    this.waiting.get(job)!.push(subjob)
    this.queue.add(subjob)
  }

  take(max: number): void {
    const startable = this.#startable()
    const taken = this.queue.take(max)
    if (this.running.length >= max || startable.length === 0) {
      expect(taken).toBeUndefined()
      return
    }
    expect(startable).toContainEqual(taken)
    const { jobId, subjobId, ordered } = taken!
    this.waiting.get(jobId)!.shift()
    this.running.push(taken!)
    if (ordered) this.holders.set(jobId, subjobId)
    this.#expectTurns(jobId, startable.map((each) => each.jobId))
  }

  change(step: 'pause' | 'retry' | 'endRunning' | 'endPaused', pick: number): void {
    const from = step === 'pause' || step === 'endRunning' ? this.running : this.paused
    const [subjob] = from.length === 0 ? [] : from.splice(pick % from.length, 1)
    if (subjob === undefined) return
    if (step === 'pause') {
      this.paused.push(subjob)
      this.queue.pause()
    } else if (step === 'retry') {
      this.waiting.get(subjob.jobId)!.unshift(subjob)
      this.queue.retry(subjob)
    } else {
      this.holders.delete(subjob.jobId)
      this.queue.end(subjob, step === 'endRunning')
    }
  }

  finish(): void {
    for (let left = 10_000; left > 0 && !(this.isIdle && this.paused.length === 0); left -= 1) {
      this.change('retry', 0)
      this.change('endRunning', 0)
      this.take(1)
    }
  }

  #startable(): readonly QueuedSubjob[] {
    return [...this.waiting].flatMap(([job, [head]]) => {
      if (head === undefined) return []
      const holder = this.holders.get(job)
      return holder === undefined || holder === head.subjobId ? [head] : []
    })
  }

  // A job that may start is not passed over by the same other job twice.
  #expectTurns(taken: string, startable: readonly string[]): void {
    this.#passedOver.delete(taken)
    for (const job of startable) {
      if (job === taken) continue
      const by = this.#passedOver.get(job) ?? new Set()
      expect(by).not.toContain(taken)
      this.#passedOver.set(job, by.add(taken))
    }
  }
}

function filled(subjobs: readonly QueuedSubjob[]): ProducerQueue {
  const queue = new ProducerQueue()
  for (const subjob of subjobs) queue.add(subjob)
  return queue
}

function takeAll(queue: ProducerQueue, max: number): readonly string[] {
  const taken: string[] = []
  for (let next = queue.take(max); next !== undefined; next = queue.take(max)) taken.push(next.subjobId)
  return taken
}
