/** The ids of topics, which kafkajs 2.2.4 does not ask for: Metadata, version 10 (KIP-516), in the encoding of KIP-482. */
import { createRequire } from 'node:module'
import type { TopicIds } from '../port.ts'
import type { Cluster } from './cluster.ts'

interface Encoder {
  readonly buffer: Buffer
  writeBoolean(value: boolean): Encoder
  writeBufferInternal(value: Buffer): void
  writeUVarInt(value: number): Encoder
  writeUVarIntString(value: string): Encoder
}

interface Decoder {
  readBoolean(): boolean
  readBytes(length: number): Buffer
  readInt16(): number
  readInt32(): number
  readTaggedFields(): unknown
  readUVarIntArray<T>(read: (decoder: Decoder) => T): readonly T[] | null
  readUVarIntString(): string | null
}

const require = createRequire(import.meta.url)
const METADATA = 3
const VERSION = 10
const ID_BYTES = 16
const NO_ERROR = 0

/** Asks whichever broker the cluster is connected to. Throws what kafkajs throws. */
export async function readTopicIds(cluster: Cluster, topics: readonly string[]): Promise<TopicIds> {
  const broker = await cluster.brokerPool.findConnectedBroker()
  if ((broker.versions[METADATA]?.maxVersion ?? 0) < VERSION) return new Map()
  const request = { apiKey: METADATA, apiVersion: VERSION, apiName: 'Metadata', encode: () => encodeRequest(topics) }
  return await broker.connectionPool.send({ request, response: { decode: decodeResponse, parse: (ids) => Promise.resolve(ids) } })
}

// Ends the header, which kafkajs writes without its tagged fields; then come topics, each without its id, and what is not wanted:
// that topics are created, and what we may do with the cluster and with them.
function encodeRequest(topics: readonly string[]): Promise<Encoder> {
  const Class = require('kafkajs/src/protocol/encoder') as new () => Encoder
  const encoder = new Class().writeUVarInt(0).writeUVarInt(topics.length + 1)
  for (const topic of topics) {
    encoder.writeBufferInternal(Buffer.alloc(ID_BYTES))
    encoder.writeUVarIntString(topic).writeUVarInt(0)
  }
  return Promise.resolve(encoder.writeBoolean(false).writeBoolean(false).writeBoolean(false).writeUVarInt(0))
}

function decodeResponse(answer: Buffer): Promise<TopicIds> {
  const Class = require('kafkajs/src/protocol/decoder') as new (answer: Buffer) => Decoder
  const decoder = new Class(answer)
  decoder.readTaggedFields()
  // How long we are to be quiet, the brokers, the cluster's id and its controller.
  decoder.readInt32()
  decoder.readUVarIntArray(skipBroker)
  decoder.readUVarIntString()
  decoder.readInt32()
  const topics = decoder.readUVarIntArray(readTopic) ?? []
  return Promise.resolve(new Map(topics.filter(({ error }) => error === NO_ERROR).map(({ name, id }) => [name, id])))
}

function skipBroker(decoder: Decoder): void {
  decoder.readInt32()
  decoder.readUVarIntString()
  decoder.readInt32()
  decoder.readUVarIntString()
  decoder.readTaggedFields()
}

function readTopic(decoder: Decoder): { readonly error: number; readonly name: string; readonly id: string } {
  const error = decoder.readInt16()
  const name = decoder.readUVarIntString() ?? ''
  const id = decoder.readBytes(ID_BYTES).toString('base64url')
  decoder.readBoolean()
  decoder.readUVarIntArray(skipPartition)
  decoder.readInt32()
  decoder.readTaggedFields()
  return { error, name, id }
}

function skipPartition(decoder: Decoder): void {
  decoder.readInt16()
  // The partition, its leader, and the leader's epoch; then who has it, who is in sync, and who is away.
  for (let number = 1; number <= 3; number += 1) decoder.readInt32()
  for (let list = 1; list <= 3; list += 1) decoder.readUVarIntArray((each) => each.readInt32())
  decoder.readTaggedFields()
}
