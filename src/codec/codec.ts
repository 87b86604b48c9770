/**
 * Messages to the values of records and back. What is known of a schema is kept, so that all but the first record of
 * each schema is read without waiting. Why subjects are record names: docs/adr/0003-avro-record-names-as-subjects.md.
 */
import type avro from 'avsc'
import type { AddOperations, JobCommandMessage, Message, MessageType } from '../domain/messages.ts'
import type { Clock } from '../runtime/clock.ts'
import { type BoundsCheck, boundsCheckOf } from './avro-bounds.ts'
import { isJson, parseCommand } from './command-json.ts'
import { formFor, type MessageOf } from './forms/forms.ts'
import { type FetchSchema, lookUpSchemas, type RegistryAddress, registerSchemas, schemaFetcher } from './registry.ts'
import { headOf, MESSAGE_TYPES, messageSchemas, messageTypeOf } from './schemas.ts'
import { Undecodable } from './undecodable.ts'
import { HEADER_BYTES, MAGIC_BYTE, schemaIdOf, writeHeader } from './wire-format.ts'

/** A record's message; or why it has none, as a sentence for the dead letter. */
export type Decoded<M extends Message = Message> =
  | { readonly ok: true; readonly message: M }
  | { readonly ok: false; readonly cause: string }

export interface Codec {
  /** The message in Confluent's wire format. Throws on a message that is not as its type says: a broken invariant. */
  encode(message: Message): Buffer
  /** What stands before and behind the operations of a part of a job, which encodeOperation has encoded, one after the other. */
  encodePart(part: PartAround): { readonly before: Buffer; readonly behind: Buffer }
  /**
   * The message of a record's value. Synchronous when the writer's schema is known, else it is fetched first, and the
   * promise may reject with RegistryFailure: then nothing is known about the record yet.
   * @param expected the types that belong on the record's topic; all when left out
   */
  decode<T extends MessageType = MessageType>(
    value: Buffer,
    expected?: readonly T[],
  ): Decoded<MessageOf<T>> | Promise<Decoded<MessageOf<T>>>
  /**
   * The same for the command topic, where JSON is taken as well. `createdAt` is set, to the record's time (milliseconds
   * since the epoch) where the client left it out.
   * @param wanted all when left out; in Avro, others are not read further than their schema id
   */
  decodeCommand(
    value: Buffer,
    timestampMs: number,
    wanted?: readonly JobCommandMessage['type'][],
  ): Decoded<JobCommandMessage> | Promise<Decoded<JobCommandMessage>>
  /**
   * The same, but of an AddOperations no more than what stands before its operations: of those it has none. Whether they can be read
   * as well, {@link decodePart} tells later.
   */
  decodeCommandHead(value: Buffer, timestampMs: number): Decoded<JobCommandMessage> | Promise<Decoded<JobCommandMessage>>
  /** An AddOperations whose head was read before: the writer's schema is known. */
  decodePart(value: Buffer): Decoded<AddOperations>
}

/** An AddOperations but for its operations, of which there are so many. */
export interface PartAround extends Omit<AddOperations, 'type' | 'operations'> {
  readonly count: number
}

export interface CodecOptions {
  /** `lookUp` where the registry is read-only: the schemas were registered by `datajob topics apply`. */
  readonly schemas: 'register' | 'lookUp'
  readonly clock: Clock
}

/** @throws RegistryFailure */
export async function createCodec(address: RegistryAddress, options: CodecOptions): Promise<Codec> {
  const schemas = options.schemas === 'register' ? await registerSchemas(address) : await lookUpSchemas(address)
  const ids = Object.fromEntries(schemas.map(({ type, id }) => [type, id])) as Record<MessageType, number>
  return new AvroCodec({ ids, fetchSchema: schemaFetcher(address), clock: options.clock })
}

/** How the records of one writer's schema are read; a text says why they can't be. */
type Reader = ReadableSchema | string

interface ReadableSchema {
  readonly messageType: MessageType
  readonly type: avro.Type
  /** Undefined where the writer's schema is our own. */
  readonly resolver: ReturnType<avro.Type['createResolver']> | undefined
  readonly boundsCheck: BoundsCheck
}

// An id that the registry does not know may still be on its way between the registry's own nodes.
const UNREADABLE_KEPT_MS = 30_000
const UNREADABLE_KEPT_MAX = 1_000
const COMMAND_TYPES = [
  'SubmitJob', 'AddOperations', 'CancelJob', 'AbandonJob', 'RetryJob', 'HoldJob', 'ReleaseJob', 'ForgetJob',
] as const satisfies readonly JobCommandMessage['type'][]
const SCRATCH_BYTES = 64 * 1024

export class AvroCodec implements Codec {
  readonly #ids: Readonly<Record<MessageType, number>>
  readonly #fetchSchema: FetchSchema
  readonly #clock: Clock
  readonly #readers = new Map<number, Reader>()
  /** Until when an unreadable schema is not asked for again. */
  readonly #unreadableUntil = new Map<number, number>()
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

  constructor(parts: { ids: Readonly<Record<MessageType, number>>; fetchSchema: FetchSchema; clock: Clock }) {
    this.#ids = parts.ids
    this.#fetchSchema = parts.fetchSchema
    this.#clock = parts.clock
    for (const messageType of MESSAGE_TYPES) {
      const { type } = messageSchemas[messageType]
      this.#readers.set(parts.ids[messageType], { messageType, type, resolver: undefined, boundsCheck: boundsCheckOf(type) })
    }
  }

  encode(message: Message): Buffer {
    const { type } = messageSchemas[message.type]
    const record = formFor(message.type).toRecord(message)
    for (;;) {
      const end = this.#write(type, record)
      if (end > 0) {
        writeHeader(this.#scratch, this.#ids[message.type])
        return Buffer.from(this.#scratch.subarray(0, end))
      }
      this.#scratch = Buffer.allocUnsafeSlow(this.#scratch.length * 2 - end)
    }
  }

  // Operations are an array, the record's last field, which without any is but the zero at its end. With some it is a block of
  // them before that: their count and the operations themselves.
  encodePart({ submission, part, authorization, count }: PartAround): { readonly before: Buffer; readonly behind: Buffer } {
    const empty = this.encode({ type: 'AddOperations', submission, part, authorization, operations: [] })
    return { before: Buffer.concat([empty.subarray(0, -1), varintOf(count * 2)]), behind: empty.subarray(-1) }
  }

  /** Where the record ends in the scratch, or how many bytes that lacks, as a negative number. */
  #write(type: avro.Type, record: object): number {
    try {
      return type.encode(record, this.#scratch, HEADER_BYTES)
    } catch (cause) {
      throw new Error(`cannot encode ${String(type.name)}: ${faultsOf(type, record)}`, { cause })
    }
  }

  decode<T extends MessageType = MessageType>(
    value: Buffer,
    expected?: readonly T[],
  ): Decoded<MessageOf<T>> | Promise<Decoded<MessageOf<T>>> {
    return attempt(() => {
      const id = schemaIdOf(value)
      const reader = this.#readerOf(id)
      if (reader === undefined) return this.#fetchReader(id).then((fetched) => attempt(() => read(value, id, fetched, expected)))
      return read(value, id, reader, expected)
    })
  }

  decodeCommand(
    value: Buffer,
    timestampMs: number,
    wanted: readonly JobCommandMessage['type'][] = COMMAND_TYPES,
  ): Decoded<JobCommandMessage> | Promise<Decoded<JobCommandMessage>> {
    const decoded = isJson(value) ? fromJson(value) : this.decode(value, wanted)
    return decoded instanceof Promise ? decoded.then((each) => dated(each, timestampMs)) : dated(decoded, timestampMs)
  }

  decodeCommandHead(value: Buffer, timestampMs: number): Decoded<JobCommandMessage> | Promise<Decoded<JobCommandMessage>> {
    const isPart = value.length >= HEADER_BYTES && value[0] === MAGIC_BYTE && value.readInt32BE(1) === this.#ids.AddOperations
    if (isPart) return attempt(() => readPartHead(value, this.#ids.AddOperations))
    const decoded = this.decodeCommand(value, timestampMs)
    return decoded instanceof Promise ? decoded.then(withoutOperations) : withoutOperations(decoded)
  }

  decodePart(value: Buffer): Decoded<AddOperations> {
    const decoded = this.decode(value, ['AddOperations'])
    if (decoded instanceof Promise) {
      decoded.catch(() => undefined)
      throw new Error('broken invariant: the schema of a part whose head was read is not known')
    }
    return decoded
  }

  #readerOf(id: number): Reader | undefined {
    const reader = this.#readers.get(id)
    if (typeof reader !== 'string') return reader
    return (this.#unreadableUntil.get(id) ?? 0) > this.#clock.now() ? reader : undefined
  }

  async #fetchReader(id: number): Promise<Reader> {
    const schema = await this.#fetchSchema(id)
    const reader = typeof schema === 'string' ? schema : readerOf(schema, id)
    if (typeof reader === 'string') {
      if (this.#unreadableUntil.size >= UNREADABLE_KEPT_MAX) this.#forgetUnreadable()
      this.#unreadableUntil.set(id, this.#clock.now() + UNREADABLE_KEPT_MS)
    }
    this.#readers.set(id, reader)
    return reader
  }

  #forgetUnreadable(): void {
    for (const id of this.#unreadableUntil.keys()) this.#readers.delete(id)
    this.#unreadableUntil.clear()
  }
}

function readerOf(writer: avro.Type, id: number): Reader {
  const messageType = messageTypeOf(writer.name)
  if (messageType === undefined) return `schema ${id} is ${writer.name ?? 'no record'}, which is none of ours`
  const { type } = messageSchemas[messageType]
  try {
    return { messageType, type, resolver: type.createResolver(writer), boundsCheck: boundsCheckOf(writer) }
  } catch (error) {
    return `schema ${id}, a ${messageType}, is not compatible with the one that this build reads: ${messageOf(error)}`
  }
}

function read<T extends MessageType>(
  value: Buffer,
  id: number,
  reader: Reader,
  expected: readonly T[] | undefined,
): Decoded<MessageOf<T>> {
  if (typeof reader === 'string') throw new Undecodable(reader)
  const { messageType, type, resolver, boundsCheck } = reader
  if (expected !== undefined && !expected.some((each) => each === messageType)) {
    throw new Undecodable(`the record is a ${messageType}, which does not belong on this topic`)
  }
  const decoded = decodeBody(value, { type, resolver, boundsCheck }, notA(messageType, id))
  return { ok: true, message: formFor(messageType).fromRecord(decoded) as MessageOf<T> }
}

function decodeBody(value: Buffer, reader: Omit<ReadableSchema, 'messageType'>, failed: string): unknown {
  try {
    const end = reader.boundsCheck(value, HEADER_BYTES)
    if (end < value.length) throw new Undecodable(`${value.length - end} bytes follow after its last field`)
    const decoded: { value: unknown } = reader.type.decode(value, HEADER_BYTES, reader.resolver)
    return decoded.value
  } catch (error) {
    throw new Undecodable(`${failed}: ${messageOf(error)}`)
  }
}

const partHead = headOf(messageSchemas.AddOperations.type, 'operations')
const partHeadBounds = boundsCheckOf(partHead)

function readPartHead(value: Buffer, id: number): Decoded<AddOperations> {
  try {
    partHeadBounds(value, HEADER_BYTES)
    const { value: head } = partHead.decode(value, HEADER_BYTES) as { readonly value: Omit<AddOperations, 'type' | 'operations'> }
    return { ok: true, message: { type: 'AddOperations', ...head, operations: [] } }
  } catch (error) {
    throw new Undecodable(`${notA('AddOperations', id)}: ${messageOf(error)}`)
  }
}

/** Another build's part is read whole: where its operations are, only its schema tells. */
function withoutOperations(decoded: Decoded<JobCommandMessage>): Decoded<JobCommandMessage> {
  if (!decoded.ok || decoded.message.type !== 'AddOperations') return decoded
  return { ok: true, message: { ...decoded.message, operations: [] } }
}

function notA(type: MessageType, id: number): string {
  return `the record is not a ${type} of schema ${id}`
}

/** A number that is not negative as Avro has it: seven bits in each byte, the lowest first. */
function varintOf(number: number): Buffer {
  const bytes: number[] = []
  let rest = number
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}

function fromJson(value: Buffer): Decoded<JobCommandMessage> {
  return attempt(() => ({ ok: true, message: parseCommand(value) }))
}

/** Only what a record is to blame for becomes a cause; everything else is thrown on. */
function attempt<R>(run: () => R): R | { readonly ok: false; readonly cause: string } {
  try {
    return run()
  } catch (error) {
    if (error instanceof Undecodable) return { ok: false, cause: error.message }
    throw error
  }
}

function dated(decoded: Decoded<JobCommandMessage>, timestampMs: number): Decoded<JobCommandMessage> {
  if (!decoded.ok || decoded.message.type !== 'SubmitJob' || decoded.message.createdAt !== null) return decoded
  return { ok: true, message: { ...decoded.message, createdAt: timestampMs } }
}

function faultsOf(type: avro.Type, record: object): string {
  const faults: string[] = []
  type.isValid(record, {
    errorHook: (path: string[], value: unknown, expected: avro.Type) => {
      faults.push(`${path.join('.')} is a ${value === null ? 'null' : typeof value}, not ${expected.toString()}`)
    },
  })
  return faults.length === 0 ? 'it is not as its schema says' : faults.slice(0, FAULTS_SHOWN_MAX).join('; ')
}

const FAULTS_SHOWN_MAX = 3

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
