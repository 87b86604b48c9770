import { describe, expect, it } from 'vitest'
import { PartitionCursor, PartitionCursors } from './partition-cursor.ts'

const at = { topic: 't', partition: 0 }
const show = (from: number): unknown => ({ type: 'show', from })
const seek = (offset: number): unknown => ({ type: 'seek', offset })

describe('a cursor', () => {
  it('shows what follows what was shown', () => {
    const cursor = new PartitionCursor(at, 0)
    expect([cursor.judge(10, false), cursor.judge(20, true), cursor.judge(30, false)]).toEqual([show(0), show(10), show(20)])
    expect(cursor.next).toBe(30)
  })

  it('shows the first batch, wherever it is, if nobody has sought', () => {
    expect(new PartitionCursor(at, null).judge(500, true)).toEqual(show(0))
  })

  it('shows of a batch only what was not shown', () => {
    const cursor = new PartitionCursor(at, 25)
    expect(cursor.judge(30, false)).toEqual(show(25))
  })

  it('does not believe a batch without records right after a seek: it may have been read before', () => {
    const cursor = new PartitionCursor(at, 0)
    cursor.judge(100, false)
    cursor.seek(40)
    expect(cursor.judge(101, true)).toEqual(seek(40))
    expect(cursor.next).toBe(40)
    expect(cursor.judge(60, false)).toEqual(show(40))
  })

  it('believes it when it comes again', () => {
    const cursor = new PartitionCursor(at, 40)
    expect([cursor.judge(41, true), cursor.judge(41, true), cursor.judge(42, true)]).toEqual([seek(40), show(40), show(41)])
  })

  it('asks once more for a batch that was shown already, as happens while a partition moves to another broker', () => {
    const cursor = new PartitionCursor(at, 0)
    cursor.judge(100, false)
    expect([cursor.judge(100, false), cursor.judge(120, false)]).toEqual([seek(100), show(100)])
  })

  it('shows all of a log that begins anew: the topic was deleted and created again', () => {
    const cursor = new PartitionCursor(at, 0)
    cursor.judge(100, false)
    expect([cursor.judge(3, false), cursor.judge(3, false), cursor.judge(5, false)]).toEqual([seek(100), show(0), show(3)])
  })
})

describe('the cursors of a member', () => {
  it('keep the place of partitions that stay, forget those that go, and are all paused', () => {
    const cursors = new PartitionCursors()
    cursors.own({ t: [0, 1] })
    for (const partition of [0, 1]) cursors.get({ topic: 't', partition })?.seek(10 + partition)
    const [stays] = cursors.own({ t: [0] })
    expect([stays?.next, stays?.paused]).toEqual([10, true])
    expect(cursors.get({ topic: 't', partition: 1 })).toBeUndefined()
    expect(cursors.own({ t: [0, 1] }).map(({ next }) => next)).toEqual([10, null])
  })

  it('begin where they were told to', () => {
    const cursors = new PartitionCursors([{ topic: 't', partition: 1, offset: 7 }])
    expect(cursors.own({ t: [0, 1] }).map(({ next }) => next)).toEqual([null, 7])
  })
})
