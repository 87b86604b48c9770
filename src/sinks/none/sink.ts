import { ResponseLedger } from '../response-ledger.ts'
import type { PublishedResults, ResultSource, Sink, SubjobToPublish } from '../sink.ts'

/** For jobs without a destination: results are read and counted, and go nowhere. */
export class NoneSink implements Sink {
  readonly bodyBytesMax = 0

  destinationExists(): Promise<boolean> {
    return Promise.resolve(true)
  }

  async publish({ operations }: SubjobToPublish, source: ResultSource): Promise<PublishedResults> {
    const ledger = new ResponseLedger(operations, null)
    const responses = ledger.settle(source)
    while ((await responses.next()).done !== true);
    return { records: [], object: null, ...ledger.counts() }
  }

  conclude(): Promise<readonly []> {
    return Promise.resolve([])
  }
}
