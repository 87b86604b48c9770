import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimerQueue } from './timer-queue.ts'

describe('a timer queue', () => {
  it('gives timers that are due, the earliest first, each once', () => {
    const queue = new TimerQueue()
    queue.set('late', 30)
    queue.set('early', 10)
    queue.set('middle', 20)
    expect(queue.nextAt()).toBe(10)
    expect([queue.takeDue(25), queue.takeDue(25), queue.takeDue(25)]).toEqual(['early', 'middle', undefined])
    expect(queue.nextAt()).toBe(30)
    expect(queue.size).toBe(1)
  })

  it('moves a timer that is set again, to either side', () => {
    const queue = new TimerQueue()
    queue.set('a', 10)
    queue.set('b', 20)
    queue.set('a', 30)
    queue.set('b', 5)
    expect([queue.takeDue(100), queue.takeDue(100), queue.takeDue(100)]).toEqual(['b', 'a', undefined])
  })

  it('rings once for a timer that was set twice to the same time', () => {
    const queue = new TimerQueue()
    queue.set('a', 10)
    queue.set('a', 10)
    expect([queue.takeDue(10), queue.takeDue(10)]).toEqual(['a', undefined])
    expect(queue.nextAt()).toBeUndefined()
  })

  it('holds the latest time of each timer whatever was set and taken before', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.record({ id: fc.integer({ min: 0, max: 20 }), at: fc.integer({ min: 0, max: 50 }) }) },
        { weight: 1, arbitrary: fc.record({ now: fc.integer({ min: 0, max: 50 }) }) },
      ),
      { maxLength: 300 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new TimerQueue()
        const model = new Map<string, number>()
        for (const step of all) {
          if ('now' in step) {
            const taken = queue.takeDue(step.now)
            const due = [...model].filter(([, at]) => at <= step.now)
            if (due.length === 0) expect(taken).toBeUndefined()
            else expect(model.get(taken!)).toBe(Math.min(...due.map(([, at]) => at)))
            if (taken !== undefined) model.delete(taken)
          } else {
            queue.set(String(step.id), step.at)
            model.set(String(step.id), step.at)
          }
          expect(queue.size).toBe(model.size)
          expect(queue.nextAt()).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
        }
      }),
    )
  })

  it('still rings right after one timer was moved many thousand times', () => {
    const queue = new TimerQueue()
    queue.set('other', 50_000)
    for (let at = 0; at < 100_000; at += 1) queue.set('moved', at)
    expect([queue.takeDue(99_998), queue.takeDue(99_998), queue.takeDue(99_999)]).toEqual(['other', undefined, 'moved'])
  })
})
