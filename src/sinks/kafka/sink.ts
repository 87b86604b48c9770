import { buffer } from 'node:stream/consumers'
import { ResponseCode } from '../../domain/response-code.ts'
import type { KafkaAdmin, OutputRecord } from '../../kafka/port.ts'
import type { Clock } from '../../runtime/clock.ts'
import { resultMembers } from '../event-value.ts'
import { isoTime, summaryOf } from '../job-summary.ts'
import { ResponseLedger } from '../response-ledger.ts'
import {
  type JobConclusion, type OpaqueSource, type PublishedResults, type ResultSource, type Sink, SinkFailure, type SubjobToPublish,
} from '../sink.ts'
import type { KafkaSinkConfig } from './config.ts'
import {
  COMPLETION_TYPE, completionId, EventHeaders, eventOverheadBytes, type PartAttributes, RESULT_TYPE,
} from './event-headers.ts'
import { ResultParts } from './result-parts.ts'
import { type ResultTopic, ResultTopics, type TopicRefusal } from './result-topics.ts'
import { ValueBuilder } from './value-builder.ts'

export interface KafkaSinkParts {
  readonly admin: Pick<KafkaAdmin, 'describeTopics'>
  readonly clock: Clock
  readonly config: KafkaSinkConfig
}

/**
 * Results as CloudEvents on a client's topic. It only makes the records: the lane writes them in the transaction that ends
 * the subjob, which is what makes them exactly once.
 *
 * A producer's body is a record's value as it came when it is complete and fits; else the responses, each as it came, are
 * put into as many records as it takes.
 */
export class KafkaSink implements Sink {
  readonly bodyBytesMax: number
  readonly #config: KafkaSinkConfig
  readonly #clock: Clock
  readonly #topics: ResultTopics
  readonly #headers = new EventHeaders()

  constructor({ admin, clock, config }: KafkaSinkParts) {
    this.bodyBytesMax = config.valueBytesMax
    this.#config = config
    this.#clock = clock
    this.#topics = new ResultTopics(admin, { keptMs: config.topicKnownMs, clock })
  }

  destinationExists(name: string): Promise<boolean> {
    return this.#topics.isThere(name)
  }

  /** A topic did not take records of ours: they are made differently the next time, or not at all. */
  refused(refusal: TopicRefusal): void {
    this.#topics.refused(refusal)
  }

  async publish(subjob: SubjobToPublish, source: ResultSource): Promise<PublishedResults> {
    const { jobId, index, run, service, destination, traceparent } = subjob
    const topic = await this.#topics.require(destination)
    const time = isoTime(this.#clock.now())
    const idOf = run === 1 ? `${jobId}/${index}` : `${jobId}/${index}.${run}`
    const headersOf = (n: number, part: PartAttributes | null): Readonly<Record<string, string>> => {
      const id = `${idOf}/${n}`
      return this.#headers.of({ id, type: RESULT_TYPE, service, time, jobId, destination, traceparent, part })
    }
    const idPrefix = `${idOf}/result`
    const { MAX_SAFE_INTEGER: max } = Number
    const values = new ValueBuilder(destination, this.#valueBytesMax(topic, jobId, headersOf(max, null)))
    const largestPart = headersOf(max, { of: `${idPrefix}/${max}`, index: max, count: max })
    const cut = new ResultParts({ idPrefix, valueBytesMax: this.#valueBytesMax(topic, jobId, largestPart) })
    const { wholes, ledger } = await this.#valuesOf(subjob, source, { values, cut })
    const events = [...wholes.map((value) => ({ value, attributes: null })), ...cut.parts]
    const records = events.map(({ value, attributes }, n) =>
      recordOf(destination, topic, { key: jobId, value, headers: headersOf(n, attributes) }),
    )
    return { records, object: null, ...ledger.counts() }
  }

  async conclude({ job, destination }: JobConclusion): Promise<readonly OutputRecord[]> {
    const topic = await this.#topics.require(destination)
    const { jobId, traceparent } = job
    const now = this.#clock.now()
    const value = Buffer.from(JSON.stringify({ data: summaryOf(job, now) }))
    const headers = this.#headers.of({
      id: completionId(job),
      ...{ type: COMPLETION_TYPE, service: '', time: isoTime(now), jobId, destination, traceparent, part: null },
    })
    const valueBytesMax = this.#valueBytesMax(topic, jobId, headers)
    if (value.length <= valueBytesMax) return [recordOf(destination, topic, { key: jobId, value, headers })]
    const message = `topic "${destination}" has room for values of ${valueBytesMax} bytes, the completion event has ${value.length}`
    throw new SinkFailure(message, { disposition: 'reject', code: 'MESSAGE_TOO_LARGE' })
  }

  #valueBytesMax({ batchBytesMax }: ResultTopic, key: string, headers: Readonly<Record<string, string>>): number {
    const room = (batchBytesMax ?? Infinity) - eventOverheadBytes(key, headers)
    return Math.max(0, Math.min(this.#config.valueBytesMax, room))
  }

  /** The values that report the operations; what does not fit into them is cut. */
  async #valuesOf(
    subjob: SubjobToPublish,
    source: ResultSource,
    { values, cut }: { readonly values: ValueBuilder; readonly cut: ResultParts },
  ): Promise<{ wholes: readonly Buffer[]; ledger: ResponseLedger }> {
    const { responseBytesMax, valueBytesMax } = values
    const { subjobBytesMax } = this.#config
    const shorten = (response: Buffer): Buffer | null => cut.cutResponse(response, responseBytesMax)
    const ledger = new ResponseLedger(subjob, { responseBytesMax, totalBytesMax: subjobBytesMax, shorten })
    const fitting = source.type === 'opaque' ? await this.#fitting(source, values, cut) : source
    for await (const response of ledger.settle(fitting)) values.add(response)
    const asItCame = source.type === 'responses' && ledger.complete ? source.body.eventValue() : null
    const fits = asItCame !== null && asItCame.length <= valueBytesMax
    return { wholes: fits ? [asItCame] : values.finish(), ledger }
  }

  /** Puts a result into the first value, whole or as a reference to its parts; one that can't be is a failure of all operations. */
  async #fitting(source: OpaqueSource, values: ValueBuilder, cut: ResultParts): Promise<ResultSource> {
    const { subjobBytesMax } = this.#config
    const bytes = await gathered(source.chunks, subjobBytesMax)
    if (bytes === null) return tooLarge(`the result has more than the ${subjobBytesMax} bytes allowed`)
    if (bytes.length === 0) return source
    const { membersBytesMax } = values
    const whole = bytes.length > membersBytesMax ? null : await buffer(resultMembers({ ...source, chunks: only(bytes) }))
    const fits = whole !== null && whole.length <= membersBytesMax
    const members = fits ? whole : cut.cutResult(bytes, source, membersBytesMax)
    if (members === null) return tooLarge(`the result has ${bytes.length} bytes, ${membersBytesMax} are allowed`)
    values.addMembers(members)
    return source
  }
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield await Promise.resolve(bytes)
}

function recordOf(topic: string, { batchBytesMax }: ResultTopic, event: Omit<OutputRecord, 'topic'>): OutputRecord {
  return { topic, ...event, ...(batchBytesMax === null ? {} : { batchBytesMax }) }
}

/** Null when there are more bytes than allowed. */
async function gathered(chunks: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer | null> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of chunks) {
    length += piece.length
    if (length > bytesMax) return null
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function tooLarge(message: string): ResultSource {
  return { type: 'failure', code: ResponseCode.MessageTooLarge, message }
}
