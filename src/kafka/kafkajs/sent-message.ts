import type { IHeaders } from 'kafkajs'
import type { OutputRecord } from '../port.ts'

/** One call of kafkajs's sendBatch: what it was first asked about, and the leaders that it goes to this time. */
export interface SendCall {
  first: SentMessage | null
  readonly leaders: Set<number>
}

const NO_HEADERS: IHeaders = {}

/** A record as kafkajs is given it, with what it takes to place it. */
export class SentMessage {
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: IHeaders
  readonly call: SendCall
  /** The one that the record names, else the one that it was given when kafkajs asked first. */
  placement: number | null

  constructor({ key, value, headers, partition }: OutputRecord, call: SendCall) {
    this.key = key
    this.value = value
    this.headers = headers ?? NO_HEADERS
    this.call = call
    this.placement = partition ?? null
  }
}

/** The messages of one call, in the order of their records. */
export function messagesOf(records: readonly OutputRecord[]): SentMessage[] {
  const call: SendCall = { first: null, leaders: new Set() }
  const messages = records.map((record) => new SentMessage(record, call))
  call.first = messages[0] ?? null
  return messages
}
