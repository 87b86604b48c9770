import type { ICustomPartitioner, Message } from 'kafkajs'
import { partitionOfKey } from './murmur2.ts'

/** Decides the partition of a message once: kafkajs asks again each time it repeats a request. */
export interface StickyPartitioner {
  readonly create: ICustomPartitioner
  /** Where a message was sent; null if kafkajs has not asked. */
  chosen(message: Message): number | null
}

/**
 * The partition that a message names, else the one of its key, else one after the other. A batch whose messages moved to
 * other partitions when it is repeated would carry sequence numbers that the broker has seen with other content, and be
 * taken for a duplicate.
 */
export function stickyPartitioner(): StickyPartitioner {
  const partitions = new WeakMap<Message, number>()
  let turn = 0
  return {
    create: () => ({ message, partitionMetadata }) => {
      const known = partitions.get(message)
      if (known !== undefined) return known
      const count = partitionMetadata.length
      const key = message.key ?? null
      const partition = message.partition ?? (key === null ? turn++ % count : partitionOfKey(key, count))
      partitions.set(message, partition)
      return partition
    },
    chosen: (message) => partitions.get(message) ?? null,
  }
}
