import { ResponseCode } from '../../domain/response-code.ts'
import type { KafkaAdmin, OutputRecord } from '../../kafka/port.ts'
import type { Clock } from '../../runtime/clock.ts'
import { opaqueResult } from '../event-value.ts'
import { isoTime, summaryOf } from '../job-summary.ts'
import { ResponseLedger } from '../response-ledger.ts'
import {
  type JobConclusion, type PublishedResults, type ResultSource, type Sink, SinkFailure, type SubjobToPublish,
} from '../sink.ts'
import type { KafkaSinkConfig } from './config.ts'
import { COMPLETION_TYPE, eventHeaders, eventOverheadBytes, RESULT_TYPE } from './event-headers.ts'
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
    const { jobId, index, service, destination, traceparent } = subjob
    const topic = await this.#topics.require(destination)
    const time = isoTime(this.#clock.now())
    const headersOf = (n: number): Readonly<Record<string, string>> => {
      const id = `${jobId}/${index}/${n}`
      return eventHeaders({ id, type: RESULT_TYPE, service, time, jobId, destination, traceparent })
    }
    const valueBytesMax = this.#valueBytesMax(topic, jobId, headersOf(Number.MAX_SAFE_INTEGER))
    const { values, ledger } = await this.#valuesOf(subjob, source, valueBytesMax)
    const records = values.map((value, n) => recordOf(destination, topic, { key: jobId, value, headers: headersOf(n) }))
    return { records, object: null, ...ledger.counts() }
  }

  async conclude({ job, destination }: JobConclusion): Promise<readonly OutputRecord[]> {
    const topic = await this.#topics.require(destination)
    const { jobId, traceparent } = job
    const now = this.#clock.now()
    const value = Buffer.from(JSON.stringify({ data: summaryOf(job, now) }))
    const headers = eventHeaders({
      ...{ id: `${jobId}/completion`, type: COMPLETION_TYPE, service: '', time: isoTime(now), jobId, destination, traceparent },
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

  async #valuesOf(
    subjob: SubjobToPublish,
    source: ResultSource,
    valueBytesMax: number,
  ): Promise<{ values: readonly Buffer[]; ledger: ResponseLedger }> {
    const result = source.type === 'opaque' && source.bytes.length > 0 ? opaqueResult(source.bytes) : null
    const values = new ValueBuilder(subjob.destination, valueBytesMax, result)
    const limits = { responseBytesMax: values.responseBytesMax, totalBytesMax: this.#config.subjobBytesMax }
    const ledger = new ResponseLedger(subjob.operations, limits)
    for await (const response of ledger.settle(fitting(source, result, values.resultBytesMax))) values.add(response)
    const asItCame = source.type === 'responses' && ledger.complete ? source.body.eventValue() : null
    const fits = asItCame !== null && asItCame.length <= valueBytesMax
    return { values: fits ? [asItCame] : values.finish(), ledger }
  }
}

function recordOf(topic: string, { batchBytesMax }: ResultTopic, event: Omit<OutputRecord, 'topic'>): OutputRecord {
  return { topic, ...event, ...(batchBytesMax === null ? {} : { batchBytesMax }) }
}

function fitting(source: ResultSource, result: Buffer | null, bytesMax: number): ResultSource {
  if (result === null || result.length <= bytesMax) return source
  const message = `the result has ${result.length} bytes, ${bytesMax} are allowed`
  return { type: 'failure', code: ResponseCode.MessageTooLarge, message }
}
