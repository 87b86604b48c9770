import type { Decoded, PartAround } from '../../src/codec/codec.ts'
import { localCodec } from '../../src/codec/local-codec.ts'
import type { Message } from '../../src/domain/messages.ts'

const avro = localCodec()

const BYTES = '{"type":"Buffer","data":['

/** A codec for unit tests, where Avro and a registry are beside the point: values are the messages as JSON. */
export const jsonCodec = {
  encode: (message: Message): Buffer => Buffer.from(JSON.stringify(message)),
  // Operations are encoded beside the codec: a part is Avro here as well.
  encodePart: (part: PartAround): { readonly before: Buffer; readonly behind: Buffer } => avro.encodePart(part),
  decode: <M extends Message = Message>(value: Buffer): Decoded<M> => {
    try {
      if (value[0] === 0) return avro.decode(value) as Decoded<M>
      const text = value.toString()
      // Few messages have bytes in them: of all others no member need be looked at.
      return { ok: true, message: JSON.parse(text, text.includes(BYTES) ? revived : undefined) as M }
    } catch (error) {
      return { ok: false, cause: String(error) }
    }
  },
  decodeCommand: (value: Buffer): Decoded => jsonCodec.decode(value),
}

function revived(_name: string, value: unknown): unknown {
  const isBytes = typeof value === 'object' && value !== null && 'data' in value && 'type' in value && value.type === 'Buffer'
  return isBytes ? Buffer.from(value.data as number[]) : value
}
