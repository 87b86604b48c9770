import type { Producer } from 'kafkajs'
import { dispositionOf } from '../error-dispositions.ts'
import { KafkaFailure, type OutputRecord, type Position, type RecordProducer } from '../port.ts'
import { toKafkaFailure } from './failure.ts'
import { cutIntoRequests, sendRecords, sizeOf } from './outgoing.ts'
import { StickyPartitioner } from './partitioner.ts'
import { retrySettings } from './settings.ts'
import type { ProducerContext } from './transactional-producer.ts'

interface Call {
  readonly records: readonly OutputRecord[]
  readonly bytes: number
  readonly resolve: (positions: Position[]) => void
  readonly reject: (failure: KafkaFailure) => void
}

/** Callers give up waiting while Kafka is away, and come again; what they have left here must not add up. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024

/** Resolves once the broker has given the producer its id. Throws KafkaFailure. */
export async function openRecordProducer(context: ProducerContext): Promise<RecordProducer> {
  return new KafkajsRecordProducer(context, await open(context))
}

/**
 * Sends one request after the other, each with all calls that have come meanwhile. Not several at once: when one fails,
 * kafkajs gives its sequence numbers to the next, which the broker may then take for a repetition, answer with success and
 * drop. For the same reason a producer whose request has failed is not used again.
 */
class KafkajsRecordProducer implements RecordProducer {
  readonly #context: ProducerContext
  readonly #waiting: Call[] = []
  #waitingBytes = 0
  #open: Producer | null
  #sending: Promise<void> | null = null
  #closed = false

  constructor(context: ProducerContext, opened: Producer) {
    this.#context = context
    this.#open = opened
  }

  async send(records: readonly OutputRecord[]): Promise<readonly Position[]> {
    if (records.length === 0) return []
    await this.#context.knownTopics.require(records.map(({ topic }) => topic))
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new KafkaFailure('the producer was closed', { code: 'CLOSED', disposition: dispositionOf('CLOSED') }))
        return
      }
      const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
      if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
        const message = `${this.#waitingBytes} bytes of records wait for Kafka already, of ${WAITING_BYTES_MAX} that may`
        reject(new KafkaFailure(message, { code: 'TOO_MUCH_WAITING', disposition: dispositionOf('TOO_MUCH_WAITING') }))
        return
      }
      this.#waitingBytes += bytes
      this.#waiting.push({ records, bytes, resolve, reject })
      this.#sending ??= this.#sendWaiting()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sending
    await this.#discard()
  }

  async #sendWaiting(): Promise<void> {
    // Calls of the same turn of the event loop go together.
    await Promise.resolve()
    for (let calls = this.#take(); calls.length > 0; calls = this.#take()) await this.#sendTogether(calls)
    this.#sending = null
  }

  #take(): Call[] {
    let bytes = 0
    const fits = this.#waiting.findIndex((call) => (bytes += call.bytes) > this.#context.settings.requestBytesMax)
    const taken = this.#waiting.splice(0, fits === -1 ? this.#waiting.length : Math.max(1, fits))
    for (const call of taken) this.#waitingBytes -= call.bytes
    return taken
  }

  async #sendTogether(calls: readonly Call[]): Promise<void> {
    try {
      const positions = await this.#send(calls.flatMap(({ records }) => records))
      let at = 0
      for (const call of calls) call.resolve(positions.slice(at, (at += call.records.length)))
    } catch (error) {
      await this.#discard()
      const failure = await this.#explain(error, calls)
      const isShared = failure.disposition === 'reject' || failure.code === 'ANSWER_INCOMPLETE'
      if (isShared && calls.length > 1) {
        // Only one of them need be at fault. What the others have written already is written twice then.
        for (const call of calls) await this.#sendTogether([call])
      } else {
        for (const call of calls) call.reject(failure)
      }
    }
  }

  async #explain(error: unknown, calls: readonly Call[]): Promise<KafkaFailure> {
    const topics = calls.flatMap(({ records }) => records.map(({ topic }) => topic))
    const failure = toKafkaFailure(error, 'sending records', 'call')
    return toKafkaFailure(await this.#context.knownTopics.explain(failure, topics), 'sending records', 'call')
  }

  async #send(records: readonly OutputRecord[]): Promise<Position[]> {
    this.#open ??= await open(this.#context)
    const positions: Position[] = []
    for (const request of cutIntoRequests(records, this.#context.settings.requestBytesMax)) {
      positions.push(...(await sendRecords(this.#open, request)))
    }
    return positions
  }

  async #discard(): Promise<void> {
    const discarded = this.#open
    this.#open = null
    await discarded?.disconnect().catch(() => undefined)
  }
}

async function open(context: ProducerContext): Promise<Producer> {
  const producer = context.createKafka().producer({
    idempotent: true,
    allowAutoTopicCreation: false,
    createPartitioner: new StickyPartitioner().create,
    retry: retrySettings,
  })
  try {
    await producer.connect()
    return producer
  } catch (error) {
    await producer.disconnect().catch(() => undefined)
    throw toKafkaFailure(error, 'opening a producer', 'call')
  }
}
