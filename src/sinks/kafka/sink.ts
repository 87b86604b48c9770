import { ResponseCode } from '../../domain/response-code.ts'
import { type KafkaAdmin, KafkaFailure, type OutputRecord } from '../../kafka/port.ts'
import type { Clock } from '../../runtime/clock.ts'
import { opaqueResult } from '../event-value.ts'
import { isoTime, summaryOf } from '../job-summary.ts'
import { KnownDestinations } from '../known-destinations.ts'
import { ResponseLedger } from '../response-ledger.ts'
import {
  type JobConclusion, type PublishedResults, type ResultSource, type Sink, SinkFailure, type SubjobToPublish,
} from '../sink.ts'
import type { KafkaSinkConfig } from './config.ts'
import { COMPLETION_TYPE, eventHeaders, RESULT_TYPE } from './event-headers.ts'
import { ValueBuilder } from './value-builder.ts'

export interface KafkaSinkParts {
  readonly admin: Pick<KafkaAdmin, 'topicExists'>
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
  readonly #topics: KnownDestinations

  constructor({ admin, clock, config }: KafkaSinkParts) {
    this.bodyBytesMax = config.valueBytesMax
    this.#config = config
    this.#clock = clock
    const ask = (topic: string): Promise<boolean> => admin.topicExists(topic).catch((error: unknown) => rethrow(error, topic))
    this.#topics = new KnownDestinations(ask, { keptMs: config.topicKnownMs, clock })
  }

  destinationExists(name: string): Promise<boolean> {
    return this.#topics.has(name)
  }

  async publish(subjob: SubjobToPublish, source: ResultSource): Promise<PublishedResults> {
    await this.#checkTopic(subjob.destination)
    const { values, ledger } = await this.#valuesOf(subjob, source)
    const { jobId, index, service, destination, traceparent } = subjob
    const time = isoTime(this.#clock.now())
    const records = values.map((value, n): OutputRecord => {
      const headers = eventHeaders({
        ...{ id: `${jobId}/${index}/${n}`, type: RESULT_TYPE, service, time, jobId, destination, traceparent },
      })
      return { topic: destination, key: jobId, value, headers }
    })
    return { records, object: null, ...ledger.counts() }
  }

  async conclude({ job, destination }: JobConclusion): Promise<readonly OutputRecord[]> {
    await this.#checkTopic(destination)
    const { jobId, traceparent } = job
    const now = this.#clock.now()
    const value = Buffer.from(JSON.stringify({ data: summaryOf(job, now) }))
    const headers = eventHeaders({
      ...{ id: `${jobId}/completion`, type: COMPLETION_TYPE, service: '', time: isoTime(now), jobId, destination, traceparent },
    })
    return [{ topic: destination, key: jobId, value, headers }]
  }

  // A record to a topic that is not there would fail the lane's transaction, and everybody's results with it.
  async #checkTopic(topic: string): Promise<void> {
    if (await this.#topics.has(topic)) return
    throw new SinkFailure(`topic "${topic}" does not exist`, { disposition: 'reject', code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  }

  async #valuesOf(subjob: SubjobToPublish, source: ResultSource): Promise<{ values: readonly Buffer[]; ledger: ResponseLedger }> {
    const { valueBytesMax, subjobBytesMax } = this.#config
    const result = source.type === 'opaque' && source.bytes.length > 0 ? opaqueResult(source.bytes) : null
    const values = new ValueBuilder(valueBytesMax, result)
    const limits = { responseBytesMax: values.responseBytesMax, totalBytesMax: subjobBytesMax }
    const ledger = new ResponseLedger(subjob.operations, limits)
    for await (const response of ledger.settle(fitting(source, result, values.resultBytesMax))) values.add(response)
    const asItCame = source.type === 'responses' && ledger.complete ? source.body.eventValue() : null
    return { values: asItCame === null ? values.finish() : [asItCame], ledger }
  }
}

function fitting(source: ResultSource, result: Buffer | null, bytesMax: number): ResultSource {
  if (result === null || result.length <= bytesMax) return source
  const message = `the result has ${result.length} bytes, ${bytesMax} are allowed`
  return { type: 'failure', code: ResponseCode.MessageTooLarge, message }
}

function rethrow(error: unknown, topic: string): never {
  if (!(error instanceof KafkaFailure)) throw error
  const disposition = error.disposition === 'reject' ? 'reject' : 'retry'
  throw new SinkFailure(`topic "${topic}" can't be looked up: ${error.message}`, { disposition, code: error.code, cause: error })
}
