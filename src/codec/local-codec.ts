import type { MessageType } from '../domain/messages.ts'
import { AvroCodec } from './codec.ts'
import { MESSAGE_TYPES } from './schemas.ts'

/** A codec without a registry, for tests and simulations: it numbers our schemas itself and knows no others. */
export function localCodec(): AvroCodec {
  const ids = Object.fromEntries(MESSAGE_TYPES.map((type, position) => [type, position + 1])) as Record<MessageType, number>
  return new AvroCodec({
    ids,
    fetchSchema: (id) => Promise.resolve(`the registry has no schema ${id}`),
    clock: { now: () => 0 },
  })
}
