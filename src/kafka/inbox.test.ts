import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordAt } from '../../test/fakes/recorded-turn.ts'
import { Inbox, type LaneInput, type RecordAmount } from './inbox.ts'
import type { InputRecord } from './port.ts'

/** Remembers where each topic is read and whether it is paused. */
class RecordedInput implements LaneInput {
  readonly positions = new Map<string, number>()
  readonly paused = new Map<string, boolean>()

  seek(topic: string, offset: number): void {
    this.positions.set(topic, offset)
  }

  pause(topic: string): void {
    this.paused.set(topic, true)
  }

  resume(topic: string): void {
    this.paused.set(topic, false)
  }
}

const upTo = (records: number, bytes = 1_000_000): RecordAmount => ({ records, bytes })

function opened(
  { recordsMax = 10, bytesMax, at = { a: 0 } }: { recordsMax?: number; bytesMax?: number; at?: Readonly<Record<string, number>> } = {},
): { inbox: Inbox<string>; input: RecordedInput } {
  const input = new RecordedInput()
  const inbox = new Inbox<string>({ input, waitingMax: upTo(recordsMax, bytesMax), sizeOf: (text) => text.length })
  for (const [topic, offset] of Object.entries(at)) inbox.open(topic, offset)
  return { inbox, input }
}

const records = (topic: string, ...offsets: readonly number[]): readonly InputRecord[] => {
  return offsets.map((offset) => recordAt({ topic, offset }))
}
const offsetsOf = (taken: { readonly records: readonly InputRecord[] }): readonly number[] => taken.records.map((each) => each.offset)

describe('taking', () => {
  it('begins where the topic was opened, and reads on from there', () => {
    const { input } = opened({ at: { a: 7 } })
    expect([input.positions.get('a'), input.paused.get('a')]).toEqual([7, false])
  })

  it('gives records in order, and the position behind them', () => {
    const { inbox } = opened()
    inbox.offer('a', records('a', 0, 1), 2)
    inbox.offer('a', records('a', 2), 3)
    const taken = inbox.take(upTo(10))
    expect(offsetsOf(taken)).toEqual([0, 1, 2])
    expect(taken.offsets).toEqual([{ topic: 'a', offset: 3 }])
    expect(inbox.take(upTo(10))).toEqual({ records: [], completions: [], offsets: [] })
  })

  it('gives no more than asked for, and the position of what is left', () => {
    const { inbox } = opened()
    inbox.offer('a', records('a', 0, 5, 6), 9)
    const first = inbox.take(upTo(2))
    expect([offsetsOf(first), first.offsets]).toEqual([[0, 5], [{ topic: 'a', offset: 6 }]])
    const second = inbox.take(upTo(2))
    expect([offsetsOf(second), second.offsets]).toEqual([[6], [{ topic: 'a', offset: 9 }]])
  })

  it('gives no more bytes than asked for, but a record that is larger alone', () => {
    const { inbox } = opened()
    const sized = [10, 10, 50, 10].map((bytes, offset) => ({ ...recordAt({ topic: 'a', offset }), key: null, value: Buffer.alloc(bytes) }))
    inbox.offer('a', sized, 4)
    const taken = [1, 2, 3].map(() => offsetsOf(inbox.take(upTo(10, 25))))
    expect(taken).toEqual([[0, 1], [2], [3]])
  })

  it('passes over what readers are not shown', () => {
    const { inbox } = opened()
    inbox.offer('a', records('a', 0), 1)
    inbox.offer('a', [], 4)
    inbox.offer('a', records('a', 4), 6)
    expect(inbox.take(upTo(1)).offsets).toEqual([{ topic: 'a', offset: 4 }])
    expect(inbox.take(upTo(1)).offsets).toEqual([{ topic: 'a', offset: 6 }])
  })

  it('gives each topic its share, so that none waits for another', () => {
    const { inbox } = opened({ at: { a: 0, b: 0 } })
    inbox.offer('a', records('a', 0, 1, 2, 3), 4)
    inbox.offer('b', records('b', 0, 1, 2, 3), 4)
    expect(inbox.take(upTo(4)).records.map((each) => `${each.topic}${each.offset}`)).toEqual(['a0', 'a1', 'b0', 'b1'])
  })

  it.each([
    ['as many completions as records', upTo(2), [['x', 'yy'], ['zzz', 'x'], []]],
    ['as many bytes of completions as of records', upTo(10, 5), [['x', 'yy'], ['zzz', 'x'], []]],
    ['one completion, however large', upTo(10, 1), [['x'], ['yy'], ['zzz'], ['x'], []]],
  ])('gives %s at most, and the others later, without being asked to wait', async (_name, max, turns) => {
    const { inbox } = opened()
    for (const completion of ['x', 'yy', 'zzz', 'x']) inbox.complete(completion)
    for (const expected of turns) {
      if (expected.length > 0) await inbox.arrival()
      expect(inbox.take(max).completions).toEqual(expected)
    }
  })

  it('gives completions in their order, once', () => {
    const { inbox } = opened()
    inbox.complete('x')
    inbox.complete('y')
    expect(inbox.take(upTo(2)).completions).toEqual(['x', 'y'])
    expect(inbox.take(upTo(2)).completions).toEqual([])
  })
})

describe('what was read before', () => {
  it('is recognised by its offset, in whole or in part', () => {
    const { inbox } = opened({ at: { a: 5 } })
    inbox.offer('a', records('a', 3, 4, 5, 6), 7)
    inbox.offer('a', records('a', 5, 6), 7)
    inbox.offer('a', records('a', 6, 7), 8)
    expect(offsetsOf(inbox.take(upTo(10)))).toEqual([5, 6, 7])
  })

  it('is not read again after a rebalance: reading goes on behind what waits', () => {
    const { inbox, input } = opened()
    inbox.offer('a', records('a', 0, 1), 3)
    input.positions.set('a', 0)
    input.paused.set('a', true)
    inbox.reposition()
    expect([input.positions.get('a'), input.paused.get('a')]).toEqual([3, false])
  })

  it('of a topic that was never opened is ignored', () => {
    const { inbox } = opened()
    inbox.offer('other', records('other', 0), 1)
    expect(inbox.take(upTo(10)).records).toEqual([])
  })
})

describe('bounds', () => {
  it('a topic is paused when its part is full, and resumed when half of it was taken', () => {
    const { inbox, input } = opened({ recordsMax: 4 })
    inbox.offer('a', records('a', 0, 1, 2), 3)
    expect(input.paused.get('a')).toBe(false)
    inbox.offer('a', records('a', 3), 4)
    expect(input.paused.get('a')).toBe(true)
    inbox.take(upTo(2))
    expect(input.paused.get('a')).toBe(true)
    inbox.take(upTo(1))
    expect(input.paused.get('a')).toBe(false)
  })

  it('a topic is full by its bytes, too', () => {
    const { inbox, input } = opened({ bytesMax: 100 })
    const large = { ...recordAt({ topic: 'a', offset: 0 }), key: null, value: Buffer.alloc(100) }
    inbox.offer('a', [large], 1)
    expect(input.paused.get('a')).toBe(true)
    inbox.take(upTo(1))
    expect(input.paused.get('a')).toBe(false)
  })

  it('a full topic stays paused through a rebalance', () => {
    const { inbox, input } = opened({ recordsMax: 1 })
    inbox.offer('a', records('a', 0), 1)
    input.paused.set('a', false)
    inbox.reposition()
    expect(input.paused.get('a')).toBe(true)
  })

  it('a throttled topic is paused, and what waits of it stays', () => {
    const { inbox, input } = opened({ at: { a: 0, b: 0 } })
    inbox.offer('a', records('a', 0), 1)
    inbox.offer('b', records('b', 0), 1)
    inbox.throttle('a', true)
    expect([input.paused.get('a'), input.paused.get('b')]).toEqual([true, false])
    expect(inbox.take(upTo(10)).offsets).toEqual([{ topic: 'b', offset: 1 }])
    inbox.reposition()
    expect(input.paused.get('a')).toBe(true)
    inbox.throttle('a', false)
    expect(input.paused.get('a')).toBe(false)
    expect(inbox.take(upTo(10)).offsets).toEqual([{ topic: 'a', offset: 1 }])
  })

  it('a topic that is both full and throttled is resumed when neither holds', () => {
    const { inbox, input } = opened({ recordsMax: 1 })
    inbox.offer('a', records('a', 0), 1)
    inbox.throttle('a', true)
    inbox.throttle('a', false)
    expect(input.paused.get('a')).toBe(true)
    inbox.take(upTo(1))
    expect(input.paused.get('a')).toBe(false)
  })
})

describe('arrival', () => {
  it.each<[string, (inbox: Inbox<string>) => void]>([
    ['a record', (inbox) => { inbox.offer('a', records('a', 0), 1) }],
    ['a completion', (inbox) => { inbox.complete('x') }],
    ['a timer', (inbox) => { inbox.ring() }],
    ['the end', (inbox) => { inbox.close() }],
  ])('is %s, whether it comes before or after it is waited for', async (_, come) => {
    const { inbox } = opened()
    come(inbox)
    await inbox.arrival()

    const other = opened().inbox
    const arrival = other.arrival()
    come(other)
    await arrival
  })

  it('of a timer is told once', async () => {
    const { inbox } = opened()
    inbox.ring()
    await inbox.arrival()
    expect(await hasArrived(inbox)).toBe(false)
  })

  it('is not what readers are not shown, nor a record of a throttled topic', async () => {
    const { inbox } = opened()
    inbox.offer('a', [], 3)
    expect(await hasArrived(inbox)).toBe(false)
    inbox.throttle('a', true)
    inbox.offer('a', records('a', 3), 4)
    expect(await hasArrived(inbox)).toBe(false)
  })

  it('is a record that waited, once its topic is no longer throttled', async () => {
    const { inbox } = opened()
    inbox.throttle('a', true)
    inbox.offer('a', records('a', 0), 1)
    const arrival = inbox.arrival()
    inbox.throttle('a', false)
    await arrival
    expect(offsetsOf(inbox.take(upTo(1)))).toEqual([0])
  })

  it('throws what the inbox failed with, the first of it', async () => {
    const { inbox } = opened()
    inbox.fail(new Error('first'))
    inbox.fail(new Error('second'))
    await expect(inbox.arrival()).rejects.toThrow('first')
  })
})

describe('a closed inbox', () => {
  it('takes nothing in', () => {
    const { inbox } = opened()
    inbox.close()
    inbox.offer('a', records('a', 0), 1)
    inbox.complete('x')
    expect(inbox.take(upTo(10))).toEqual({ records: [], completions: [], offsets: [] })
  })
})

describe('any order of reading, reading again and taking', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ step: fc.constant('offer' as const), back: fc.integer({ min: 0, max: 4 }), length: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ step: fc.constant('take' as const), max: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ step: fc.constant('throttle' as const), held: fc.boolean() }),
      fc.record({ step: fc.constant('reposition' as const) }),
    ),
    { maxLength: 100 },
  )

  it('gives every record once and in order, and never a position beyond what it gave', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (all, stride) => {
        const { inbox, input } = opened({ recordsMax: 6 })
        // Every `stride`-th offset is a record; the others are markers.
        const shown = (from: number, to: number): readonly number[] =>
          Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i).filter((offset) => offset % stride === 0)
        let read = 0
        const given: number[] = []
        let position = 0
        for (const step of all) {
          if (step.step === 'offer') {
            const from = Math.max(0, read - step.back)
            inbox.offer('a', records('a', ...shown(from, from + step.length)), from + step.length)
            read = Math.max(read, from + step.length)
          } else if (step.step === 'take') {
            const taken = inbox.take(upTo(step.max))
            expect(taken.records.length).toBeLessThanOrEqual(step.max)
            given.push(...offsetsOf(taken))
            position = taken.offsets[0]?.offset ?? position
            expect(given).toEqual(shown(0, position))
          } else if (step.step === 'throttle') {
            inbox.throttle('a', step.held)
          } else {
            inbox.reposition()
            expect(input.positions.get('a')).toBe(read)
          }
        }
        inbox.throttle('a', false)
        while (position < read) {
          const taken = inbox.take(upTo(2))
          given.push(...offsetsOf(taken))
          const next = taken.offsets[0]?.offset ?? position
          expect(next).toBeGreaterThan(position)
          position = next
        }
        expect(given).toEqual(shown(0, read))
        expect(input.paused.get('a')).toBe(false)
      }),
    )
  })
})

async function hasArrived(inbox: Inbox<string>): Promise<boolean> {
  let arrived = false
  void inbox.arrival().then(() => {
    arrived = true
  })
  for (let turns = 0; turns < 10; turns += 1) await Promise.resolve()
  return arrived
}
