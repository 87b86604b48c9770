import type { Message, PartitionMetadata } from 'kafkajs'
import { beforeEach, describe, expect, it } from 'vitest'
import type { OutputRecord } from '../port.ts'
import { StickyPartitioner } from './partitioner.ts'

/** Partitions, by their leaders. */
const ledBy = (...leaders: number[]): PartitionMetadata[] =>
  leaders.map((leader, partitionId) => ({ partitionErrorCode: 0, partitionId, leader, replicas: [leader], isr: [leader] }))

describe('the partitioner', () => {
  let partitioner: StickyPartitioner
  /** Asks as kafkajs does on each attempt. */
  let attempt: (messages: readonly Message[], partitionMetadata: PartitionMetadata[]) => number[]

  beforeEach(() => {
    partitioner = new StickyPartitioner()
    const partitionOf = partitioner.create()
    attempt = (messages, partitionMetadata) => messages.map((message) => partitionOf({ topic: 't', message, partitionMetadata }))
  })

  const at = (partition: number): Message => ({ key: null, value: null, partition })

  it('says the same when kafkajs asks again, also for records without a key and when partitions were added', () => {
    const messages = Array.from({ length: 10 }, () => ({ key: null, value: null }))
    const first = attempt(messages, ledBy(1, 1, 1))
    expect(attempt(messages, ledBy(1, 1, 1, 1, 1, 1))).toEqual(first)
    expect(new Set(first)).toEqual(new Set([0, 1, 2]))
    expect(messages.map((message) => partitioner.chosen(message))).toEqual(first)
  })

  it('lets a call to one broker be repeated, wherever the leader goes', () => {
    const messages = [at(0), at(1)]
    partitioner.begin(messages)
    for (const leader of [1, 2, 2, 3]) expect(attempt(messages, ledBy(leader, leader))).toEqual([0, 1])
  })

  it('does not let a call to several brokers be repeated', () => {
    const messages = [at(0), at(1)]
    partitioner.begin(messages)
    attempt(messages, ledBy(1, 2))
    expect(() => attempt(messages, ledBy(1, 1))).toThrow('would write some records twice')
  })

  it('lets a new call go where another went before', () => {
    for (const messages of [[at(0), at(1)], [at(0), at(1)]]) {
      partitioner.begin(messages)
      expect(attempt(messages, ledBy(1, 2))).toEqual([0, 1])
    }
  })

  it('knows which records go to one broker once it has seen the leaders of their topic', () => {
    const record = (partition?: number, key: string | null = null): OutputRecord => ({
      ...{ topic: 't', key, value: null },
      ...(partition === undefined ? {} : { partition }),
    })
    expect(partitioner.isForOneBroker([record(0)])).toBe(false)
    attempt([at(0)], ledBy(1, 2, 1))
    expect(partitioner.isForOneBroker([record(0), record(2)])).toBe(true)
    expect(partitioner.isForOneBroker([record(0), record(1)])).toBe(false)
    expect(partitioner.isForOneBroker([record(0), { ...record(2), topic: 'unseen' }])).toBe(false)
    expect(partitioner.isForOneBroker([record()])).toBe(false)
    attempt([at(0)], ledBy(3, 3, 3))
    expect(partitioner.isForOneBroker([record(undefined, 'a'), record(undefined, 'b')])).toBe(true)
  })
})
