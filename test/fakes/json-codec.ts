import type { Decoded, PartAround } from '../../src/codec/codec.ts'
import { localCodec } from '../../src/codec/local-codec.ts'
import type { Message } from '../../src/domain/messages.ts'

const avro = localCodec()

/** A codec for unit tests, where Avro and a registry are beside the point: values are the messages as JSON. */
export const jsonCodec = {
  encode: (message: Message): Buffer => Buffer.from(JSON.stringify(message)),
  // Operations are encoded beside the codec: a part is Avro here as well.
  encodePart: (part: PartAround): { readonly before: Buffer; readonly behind: Buffer } => avro.encodePart(part),
  decode: <M extends Message = Message>(value: Buffer): Decoded<M> => {
    try {
      if (value[0] === 0) return avro.decode(value) as Decoded<M>
      return { ok: true, message: JSON.parse(value.toString()) as M }
    } catch (error) {
      return { ok: false, cause: String(error) }
    }
  },
  decodeCommand: (value: Buffer): Decoded => jsonCodec.decode(value),
}
