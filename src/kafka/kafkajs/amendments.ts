/**
 * Corrections to kafkajs 2.2.4, made in its own modules because it offers no other place (docs/adr/0002). They hold
 * for the pinned version only: the tests beside this file fail when another one no longer has what they correct.
 */
import { createRequire } from 'node:module'
import { amendConnection } from './connection-amendment.ts'
import { amendEncoder } from './encoder-amendment.ts'
import { amendProduceRequest } from './produce-amendment.ts'
import { type AbortedTransaction, endOfBatch, type FetchedRecord, hideAborted } from './fetched-records.ts'

const require = createRequire(import.meta.url)

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}

interface FetchedPartition {
  readonly messages: FetchedRecord[]
  abortedTransactions: readonly AbortedTransaction[]
}

interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
}

interface ProduceAnswer {
  readonly topics: readonly { readonly topicName: string; readonly partitions: readonly { readonly errorCode: number }[] }[]
}

interface ListOffsetsRequest {
  readonly isolationLevel: number | undefined
}

/** Corrects what all clients of this process share; done once, before the first client connects. */
export function amendKafkajs(): void {
  if (amended) return
  amended = true
  amendConnection()
  amendEncoder()
  amendProduceRequest()
  amendRequestQueue()
  amendFetchAnswer()
  amendProduceAnswer()
  amendListOffsets()
}

let amended = false

/**
 * After every answer each connection sets a timer that looks for waiting requests, with a delay that is negative unless the
 * broker throttles, and that timer sets the next one: a thousand wake-ups a second for each idle connection, and Node's
 * TimeoutNegativeWarning. Only a queue in which something waits needs the look.
 */
function amendRequestQueue(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue }
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this)
  }
}

/** Hides all records of aborted transactions (kafkajs shows some where transactions overlap) and closes gaps of compaction. */
function amendFetchAnswer(): void {
  const response = require('kafkajs/src/protocol/requests/fetch/v11/response') as { decode: (raw: Buffer) => Promise<FetchAnswer> }
  const decode = response.decode
  response.decode = async (raw) => {
    const answer = await decode(raw)
    for (const partition of answer.responses.flatMap(({ partitions }) => partitions)) {
      hideAborted(partition.messages, partition.abortedTransactions)
      partition.abortedTransactions = []
      const end = endOfBatch(partition.messages)
      if (end !== null) partition.messages.push(end)
    }
    return answer
  }
}

/** An error in an answer to a produce request tells which topic it is about. */
function amendProduceAnswer(): void {
  const response = require('kafkajs/src/protocol/requests/produce/v7/response') as {
    parse: (answer: ProduceAnswer) => Promise<ProduceAnswer>
  }
  const parse = response.parse
  response.parse = async (answer) => {
    try {
      return await parse(answer)
    } catch (error) {
      const failed = answer.topics.find(({ partitions }) => partitions.some(({ errorCode }) => errorCode !== 0))
      throw error instanceof Error && failed !== undefined ? Object.assign(error, { topic: failed.topicName }) : error
    }
  }
}

const READ_UNCOMMITTED = 0

/**
 * The end of a partition is the end of what was acknowledged. kafkajs asks for where read_committed readers can go at the
 * moment, which a transaction that was committed just now is still beyond: whoever reads up to there misses it.
 */
function amendListOffsets(): void {
  const definition = require('kafkajs/src/protocol/requests/listOffsets') as {
    protocol: (version: object) => (request: ListOffsetsRequest) => unknown
  }
  const { protocol } = definition
  definition.protocol = (version) => {
    const create = protocol(version)
    return (request) => create({ ...request, isolationLevel: request.isolationLevel ?? READ_UNCOMMITTED })
  }
}
