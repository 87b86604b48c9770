import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StageTimer, TimerQueue } from './timer-queue.ts'

describe('a timer queue', () => {
  it('gives timers that are due, the earliest first, each once', () => {
    const queue = new TimerQueue()
    const [late, early, middle] = timers('late', 'early', 'middle')
    queue.set(late, 30)
    queue.set(early, 10)
    queue.set(middle, 20)
    expect(queue.nextAt()).toBe(10)
    expect([queue.takeDue(25), queue.takeDue(25), queue.takeDue(25)]).toEqual([early, middle, undefined])
    expect(queue.nextAt()).toBe(30)
    expect(queue.size).toBe(1)
  })

  it('moves a timer that is set again, to either side', () => {
    const queue = new TimerQueue()
    const [a, b] = timers('a', 'b')
    queue.set(a, 10)
    queue.set(b, 20)
    queue.set(a, 30)
    queue.set(b, 5)
    expect([queue.takeDue(100), queue.takeDue(100), queue.takeDue(100)]).toEqual([b, a, undefined])
  })

  it('rings once for a timer that was set twice to the same time', () => {
    const queue = new TimerQueue()
    const [a] = timers('a')
    queue.set(a, 10)
    queue.set(a, 10)
    expect([queue.takeDue(10), queue.takeDue(10)]).toEqual([a, undefined])
    expect(queue.nextAt()).toBeUndefined()
  })

  it('does not ring for a timer that was unset, and rings again for it once it is set anew', () => {
    const queue = new TimerQueue()
    const [a, b] = timers('a', 'b')
    queue.unset(a)
    queue.set(a, 10)
    queue.set(b, 20)
    queue.unset(a)
    queue.unset(a)
    expect([queue.nextAt(), queue.size]).toEqual([20, 1])
    queue.set(a, 30)
    expect([queue.takeDue(100), queue.takeDue(100), queue.takeDue(100)]).toEqual([b, a, undefined])
  })

  it('holds the latest time of each timer whatever was set, unset and taken before', () => {
    const at = fc.integer({ min: 0, max: 50 })
    const which = fc.nat({ max: 99 })
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ type: fc.constant('set' as const), which, at }) },
        { weight: 1, arbitrary: fc.record({ type: fc.constant('unset' as const), which }) },
        { weight: 1, arbitrary: fc.record({ type: fc.constant('take' as const), now: at }) },
      ),
      { maxLength: 400, size: 'max' },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new TimerQueue()
        const model = new Map<StageTimer, number>()
        const known = timers(...Array.from({ length: 100 }, (_, n) => String(n)))
        for (const step of all) {
          if (step.type === 'set') {
            queue.set(known[step.which]!, step.at)
            model.set(known[step.which]!, step.at)
          } else if (step.type === 'unset') {
            queue.unset(known[step.which]!)
            model.delete(known[step.which]!)
          } else {
            const taken = queue.takeDue(step.now)
            const due = [...model.values()].filter((time) => time <= step.now)
            if (due.length === 0) expect(taken).toBeUndefined()
            else expect(model.get(taken!)).toBe(Math.min(...due))
            if (taken !== undefined) model.delete(taken)
          }
          expect(queue.size).toBe(model.size)
          expect(queue.nextAt()).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
        }
      }),
    )
  })

  it('rings right after one timer was moved many thousand times', () => {
    const queue = new TimerQueue()
    const [other, moved] = timers('other', 'moved')
    queue.set(other, 50_000)
    for (let at = 0; at < 100_000; at += 1) queue.set(moved, at)
    expect([queue.takeDue(99_998), queue.takeDue(99_998), queue.takeDue(99_999)]).toEqual([other, undefined, moved])
    expect(queue.size).toBe(0)
  })
})

function timers<Keys extends readonly string[]>(...keys: Keys): { [At in keyof Keys]: StageTimer } {
  return keys.map((key) => new StageTimer('test', key)) as { [At in keyof Keys]: StageTimer }
}
