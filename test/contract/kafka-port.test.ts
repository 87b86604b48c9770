import { randomUUID } from 'node:crypto'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { createKafkaClient } from '../../src/kafka/kafkajs/client.ts'
import type { OutputRecord, Position } from '../../src/kafka/port.ts'
import { systemClock, systemTimers } from '../../src/runtime/clock.ts'
import { until } from '../harness/until.ts'
import { exerciseKafkaPort, failureOf, type OpenTransaction } from './kafka-port.ts'

const brokers = inject('kafkaBrokers').split(',')
const silent = { debug: (): void => undefined, info: (): void => undefined, warn: (): void => undefined }
const left: { disconnect(): Promise<void> }[] = []

/** By kafkajs itself: a producer that never commits, whose process might as well be gone. */
async function leaveOpen(transactionalId: string, records: readonly OutputRecord[]): Promise<OpenTransaction> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 5, retries: 40, maxRetryTime: 150 } })
  const producer = kafka.producer({
    ...{ transactionalId, idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner },
  })
  await producer.connect()
  left.push(producer)
  const transaction = await producer.transaction()
  for (const { topic, headers, ...message } of records) {
    await transaction.send({ topic, messages: [{ ...message, headers: { ...headers } }] })
  }
  return { abort: () => transaction.abort() }
}

async function deleteRecords({ topic, partition, offset }: Position): Promise<void> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  // It finds the leader in what it knows already.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
  await admin.disconnect()
}

async function deleteTopic(topic: string): Promise<void> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  // The broker knows of it some milliseconds later.
  await until(`${topic} is gone`, async () => !(await admin.listTopics()).includes(topic))
  await admin.disconnect()
}

afterAll(async () => {
  await Promise.all(left.map((producer) => producer.disconnect()))
})

const kafka = createKafkaClient({
  ...{ brokers, clientId: 'contract', logger: silent },
  ...{ sessionTimeoutMs: 3_000, heartbeatIntervalMs: 100, fetchWaitMs: 50 },
})

exerciseKafkaPort('kafkajs', { kafka, clock: systemClock, timers: systemTimers, leaveOpen, deleteRecords, deleteTopic })

describe('kafkajs on a broker with settings of its own', () => {
  it('refuses a topic that the broker refuses, by name', async () => {
    const admin = await kafka.admin()
    const name = `contract.odd.${randomUUID()}`
    const refused = admin.createTopics([{ name, partitions: 1, replicationFactor: -1, config: { 'no.such': 'setting' } }])
    expect(await failureOf(refused)).toMatchObject({ code: 'INVALID_CONFIG', disposition: 'reject', topic: name })
    await admin.close()
  })
})
