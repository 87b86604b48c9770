import type { PartitionMetadata } from 'kafkajs'
import { beforeEach, describe, expect, it } from 'vitest'
import type { OutputRecord } from '../port.ts'
import { StickyPartitioner } from './partitioner.ts'
import { messagesOf, type SentMessage } from './sent-message.ts'

/** Partitions, by their leaders. */
const ledBy = (...leaders: number[]): PartitionMetadata[] =>
  leaders.map((leader, partitionId) => ({ partitionErrorCode: 0, partitionId, leader, replicas: [leader], isr: [leader] }))

describe('the partitioner', () => {
  let partitioner: StickyPartitioner
  /** Asks as kafkajs does on each attempt. */
  let attempt: (messages: readonly SentMessage[], partitionMetadata: PartitionMetadata[]) => number[]

  beforeEach(() => {
    partitioner = new StickyPartitioner()
    const partitionOf = partitioner.create()
    attempt = (messages, partitionMetadata) => messages.map((message) => partitionOf({ topic: 't', message, partitionMetadata }))
  })

  /** Messages of one call, to those partitions. */
  const callTo = (...partitions: number[]): SentMessage[] =>
    messagesOf(partitions.map((partition) => ({ topic: 't', key: null, value: null, partition })))

  it('says the same when kafkajs asks again, also for records without a key and when partitions were added', () => {
    const messages = messagesOf(Array.from({ length: 10 }, () => ({ topic: 't', key: null, value: null })))
    const first = attempt(messages, ledBy(1, 1, 1))
    expect(attempt(messages, ledBy(1, 1, 1, 1, 1, 1))).toEqual(first)
    expect(new Set(first)).toEqual(new Set([0, 1, 2]))
    expect(messages.map(({ placement }) => placement)).toEqual(first)
  })

  it('lets a call to one broker be repeated, wherever the leader goes', () => {
    const messages = callTo(0, 1)
    for (const leader of [1, 2, 2, 3]) expect(attempt(messages, ledBy(leader, leader))).toEqual([0, 1])
  })

  it('does not let a call to several brokers be repeated', () => {
    const messages = callTo(0, 1)
    attempt(messages, ledBy(1, 2))
    expect(() => attempt(messages, ledBy(1, 1))).toThrow('would write some records twice')
  })

  it('lets a new call go where another went before', () => {
    for (const messages of [callTo(0, 1), callTo(0, 1)]) {
      expect(attempt(messages, ledBy(1, 2))).toEqual([0, 1])
    }
  })

  it('knows which records go to one broker once it has seen the leaders of their topic', () => {
    const record = (partition?: number, key: string | null = null): OutputRecord => ({
      ...{ topic: 't', key, value: null },
      ...(partition === undefined ? {} : { partition }),
    })
    expect(partitioner.isForOneBroker([record(0)])).toBe(false)
    attempt(callTo(0), ledBy(1, 2, 1))
    expect(partitioner.isForOneBroker([record(0), record(2)])).toBe(true)
    expect(partitioner.isForOneBroker([record(0), record(1)])).toBe(false)
    expect(partitioner.isForOneBroker([record(0), { ...record(2), topic: 'unseen' }])).toBe(false)
    expect(partitioner.isForOneBroker([record()])).toBe(false)
    attempt(callTo(0), ledBy(3, 3, 3))
    expect(partitioner.isForOneBroker([record(undefined, 'a'), record(undefined, 'b')])).toBe(true)
  })
})
