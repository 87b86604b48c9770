/** What kafkajs decodes of a fetched record, as far as visibility depends on it. */
export interface FetchedRecord {
  readonly offset: string
  /** A marker of Kafka's own, never shown. */
  isControlRecord: boolean
  readonly key: Buffer | null
  readonly batchContext?: BatchContext
}

interface BatchContext {
  readonly firstOffset: string
  readonly lastOffsetDelta: number
  readonly producerId: string
  readonly inTransaction: boolean
}

/** An aborted transaction that the broker names beside the records: begun at `firstOffset`, ended at its producer's marker. */
export interface AbortedTransaction {
  readonly producerId: string
  readonly firstOffset: string
}

// A marker's key is two 16-bit numbers: version, then 0 for abort or 1 for commit.
const ABORT_TYPE = 0

/**
 * Marks the records of aborted transactions as not to be shown. The broker lists the transactions in the order in which they
 * ended; they are looked up in the order in which they began, as the Java client does (Fetcher.CompletedFetch).
 */
export function hideAborted(records: readonly FetchedRecord[], aborted: readonly AbortedTransaction[]): void {
  const waiting = [...aborted].sort((a, b) => Number(a.firstOffset) - Number(b.firstOffset))
  const open = new Set<string>()
  let next = 0
  for (const record of records) {
    const context = record.batchContext
    if (context === undefined) continue
    for (let begun = waiting[next]; begun !== undefined && Number(begun.firstOffset) <= Number(record.offset); begun = waiting[next]) {
      open.add(begun.producerId)
      next += 1
    }
    if (record.isControlRecord) {
      if (record.key?.readInt16BE(2) === ABORT_TYPE) open.delete(context.producerId)
    } else if (context.inTransaction && open.has(context.producerId)) {
      record.isControlRecord = true
    }
  }
}

/**
 * A hidden record for the last offset of the last batch, where compaction has removed what stood there; null if it is there.
 * Without it the position stays inside of the batch. The next answer begins with the same batch, and while the one after it
 * does not fit beside it, each fetch gets on by one offset only.
 */
export function endOfBatch<R extends FetchedRecord>(records: readonly R[]): R | null {
  const last = records.at(-1)
  if (last?.batchContext === undefined) return null
  const end = Number(last.batchContext.firstOffset) + last.batchContext.lastOffsetDelta
  return Number(last.offset) < end ? { ...last, offset: String(end), isControlRecord: true } : null
}
