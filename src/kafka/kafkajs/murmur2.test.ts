import fc from 'fast-check'
import { type PartitionMetadata, Partitioners } from 'kafkajs'
import { expect, test } from 'vitest'
import { murmur2, partitionOfKey } from './murmur2.ts'

// From Kafka's own UtilsTest.testMurmur2.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('hashes %j as the Java client does', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash)
})

test('names the same partition as the default partitioner of kafkajs for every key', () => {
  const partition = Partitioners.DefaultPartitioner()
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 1, max: 50 }), (key, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => metadataOf(partitionId))
      const expected = partition({ topic: 'jobs', partitionMetadata, message: { key, value: null } })
      expect(partitionOfKey(key, partitions)).toBe(expected)
    }),
    { numRuns: 40 },
  )
})

test('gives the same answer for bytes inside of a larger buffer', () => {
  const large = Buffer.from('....foobar....')
  expect(murmur2(large.subarray(4, 10))).toBe(-790332482)
})

function metadataOf(partitionId: number): PartitionMetadata {
  return { partitionErrorCode: 0, partitionId, leader: 1, replicas: [1], isr: [1] }
}
