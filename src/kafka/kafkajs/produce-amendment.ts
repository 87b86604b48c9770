/**
 * How kafkajs 2.2.4 writes a request to produce: an encoder and a handful of closures for each record, header and number, about 10 µs a
 * record of a few hundred bytes. Amended, the request is made of whole record batches (record-batch.ts).
 */
import { createRequire } from 'node:module'
import type { Message } from 'kafkajs'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { encodeRecordBatch } from './record-batch.ts'

const require = createRequire(import.meta.url)
const PATH = 'kafkajs/src/protocol/requests/produce/v7/request'

interface Encoder {
  writeString(value: string | null): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeBytes(value: Buffer): Encoder
  writeArray(values: readonly Encoder[]): Encoder
}

export interface ProduceRequest {
  readonly acks: number
  readonly timeout: number
  readonly transactionalId?: string | undefined
  /** As text or number; left out where the producer has none. */
  readonly producerId?: string | number
  readonly producerEpoch?: number
  readonly topicData: readonly { readonly topic: string; readonly partitions: readonly ProducedPartition[] }[]
}

interface ProducedPartition {
  readonly partition: number
  readonly firstSequence?: number
  readonly messages: readonly Message[]
}

/** What kafkajs makes of a request: its version and name, and its bytes once asked for. */
export type CreateRequest = (request: ProduceRequest) => { readonly encode: () => Promise<Encoder> }

/** To be done before the first record is produced: kafkajs loads how it is asked for then. */
export function amendProduceRequest(): void {
  const create = require(PATH) as CreateRequest
  const module = require.cache[require.resolve(PATH)]
  if (module === undefined) throw new Error(`broken invariant: ${PATH} is not loaded`)
  module.exports = inWholeBatches(create, systemClock)
}

/** The same request, otherwise encoded. */
export function inWholeBatches(create: CreateRequest, clock: Clock): CreateRequest {
  return (request) => ({ ...create(request), encode: () => Promise.resolve(encode(request, clock.now())) })
}

/** Produce Request, version 7: transactional_id acks timeout [topic [partition record_set]]. */
function encode(request: ProduceRequest, timestampMs: number): Encoder {
  const topics = request.topicData.map(({ topic, partitions }) => {
    const sets = partitions.map((each) => newEncoder().writeInt32(each.partition).writeBytes(batchOf(request, each, timestampMs)))
    return newEncoder().writeString(topic).writeArray(sets)
  })
  const { transactionalId = null, acks, timeout } = request
  return newEncoder().writeString(transactionalId).writeInt16(acks).writeInt32(timeout).writeArray(topics)
}

function batchOf(request: ProduceRequest, { messages, firstSequence = 0 }: ProducedPartition, timestampMs: number): Buffer {
  const { transactionalId, producerId = -1, producerEpoch = 0 } = request
  return encodeRecordBatch({
    ...{ records: messages, timestampMs, isTransactional: transactionalId !== undefined },
    ...{ producerId: BigInt(producerId), producerEpoch, firstSequence },
  })
}

function newEncoder(): Encoder {
  const Class = require('kafkajs/src/protocol/encoder') as new () => Encoder
  return new Class()
}
