import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AbortedTransaction, endOfBatch, type FetchedRecord, hideAborted } from './fetched-records.ts'

type Entry = readonly ['data' | 'commit' | 'abort', producer: string] | readonly ['plain']

/** A partition's log, one batch for each entry. */
function logOf(entries: readonly Entry[]): FetchedRecord[] {
  return entries.map(([type, producerId = '-1'], at) => {
    const context = { firstOffset: String(at), lastOffsetDelta: 0, producerId, inTransaction: type !== 'plain' }
    const isMarker = type === 'commit' || type === 'abort'
    const key = isMarker ? Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]) : Buffer.from('key')
    return { offset: String(at), isControlRecord: isMarker, key, batchContext: context }
  })
}

/** What a broker lists beside what it has from an offset on: in the order in which the transactions ended. */
function abortedIn(entries: readonly Entry[], from: number): AbortedTransaction[] {
  const begun = new Map<string, number>()
  const aborted: AbortedTransaction[] = []
  for (const [at, [type, producerId = '']] of entries.entries()) {
    if (type === 'data' && !begun.has(producerId)) begun.set(producerId, at)
    if (type === 'abort' && at >= from) aborted.push({ producerId, firstOffset: String(begun.get(producerId) ?? at) })
    if (type === 'abort' || type === 'commit') begun.delete(producerId)
  }
  return aborted
}

/** Said in another way: a record is shown if the next marker of its producer is not an abort. */
function visibleIn(entries: readonly Entry[]): number[] {
  const isVisible = ([type, producerId]: Entry, at: number): boolean => {
    if (type === 'plain') return true
    const marker = entries.slice(at).find(([end, ender]) => ender === producerId && end !== 'data')
    return type === 'data' && marker?.[0] !== 'abort'
  }
  return [...entries.keys()].filter((at) => isVisible(entries[at] as Entry, at))
}

const producer = fc.constantFrom('1', '2', '3')
const entry = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('data' as const), producer) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('commit' as const), producer) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('abort' as const), producer) },
  { weight: 1, arbitrary: fc.constant(['plain'] as const) },
)

describe('the records of aborted transactions', () => {
  it('are hidden, and no others, however transactions overlap and from wherever the log is read', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.nat(20), (entries, from) => {
        const records = logOf(entries).slice(from)
        hideAborted(records, abortedIn(entries, from))
        const shown = records.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset))
        expect(shown).toEqual(visibleIn(entries).filter((at) => at >= from))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the end of a batch', () => {
  const record = (offset: number, lastOffsetDelta: number): FetchedRecord => ({
    ...{ offset: String(offset), isControlRecord: false, key: null },
    batchContext: { firstOffset: '100', lastOffsetDelta, producerId: '1', inTransaction: false },
  })

  it('is there already, unless compaction took it away', () => {
    expect(endOfBatch([record(100, 2), record(102, 2)])).toBeNull()
    expect(endOfBatch([])).toBeNull()
  })

  it('is stood in for by a record that is not shown', () => {
    expect(endOfBatch([record(100, 9), record(103, 9)])).toMatchObject({ offset: '109', isControlRecord: true })
  })
})
