const SEED = 0x9747b28c
const MIX = 0x5bd1e995

/** The 32-bit hash by which Kafka's Java client spreads keys over partitions (org.apache.kafka.common.utils.Utils.murmur2). */
export function murmur2(data: Uint8Array): number {
  const { length } = data
  const view = new DataView(data.buffer, data.byteOffset, length)
  const tail = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < tail; at += 4) {
    let word = Math.imul(view.getInt32(at, true), MIX)
    word = Math.imul(word ^ (word >>> 24), MIX)
    hash = Math.imul(hash, MIX) ^ word
  }
  for (let at = length - 1; at >= tail; at -= 1) hash ^= view.getUint8(at) << ((at - tail) * 8)
  if (tail < length) hash = Math.imul(hash, MIX)
  hash = Math.imul(hash ^ (hash >>> 13), MIX)
  return hash ^ (hash >>> 15)
}

/** The partition of a key among `partitions`: the hash without its sign bit, modulo the count. */
export function partitionOfKey(key: string | Uint8Array, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions
}
