import type { Message } from '../../src/domain/messages.ts'
import type { Decoded } from '../../src/kafka/topic-tail.ts'

/** A codec for unit tests, where Avro and a registry are beside the point: values are the messages as JSON. */
export const jsonCodec = {
  encode: (message: Message): Buffer => Buffer.from(JSON.stringify(message)),
  decode: (value: Buffer): Decoded => {
    try {
      return { ok: true, message: JSON.parse(value.toString()) as Message }
    } catch (error) {
      return { ok: false, cause: String(error) }
    }
  },
  decodeCommand: (value: Buffer): Decoded => jsonCodec.decode(value),
}
