import type { ResultTopics } from '../rest/dependencies.ts'
import type { Closing } from '../runtime/closing.ts'
import type { Connections } from './connections.ts'

/** Opens the reading of what was published. */
export function resultTopicsOf({ kafka, admin }: Pick<Connections, 'kafka' | 'admin'>, closing: Closing): ResultTopics {
  const reader = kafka.partitionReader()
  closing.later('partition reader', () => reader.close())
  return {
    offsetsAt: (topic, timestampMs) => admin.offsetsAt(topic, timestampMs),
    read: (from, limit) => reader.read(from, limit),
    partitionOf: (key, partitions) => kafka.partitionOf(key, partitions),
  }
}
