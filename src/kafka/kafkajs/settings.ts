import type { ConsumerConfig, Kafka, KafkaConfig, PartitionAssigner, RetryOptions } from 'kafkajs'
import { systemTimers, type Timers } from '../../runtime/clock.ts'
import { type KafkaLogger, logCreatorOf, VERBOSITY } from './log.ts'

export interface KafkaClientOptions {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[]
  /** Names this program in the brokers' logs and quotas. */
  readonly clientId: string
  readonly logger: KafkaLogger
  readonly timers?: Timers
  /** How long a member of a group may be silent before others take its partitions. */
  readonly sessionTimeoutMs?: number
  readonly heartbeatIntervalMs?: number
  /** How long a group waits for its members when partitions are given out anew. */
  readonly rebalanceTimeoutMs?: number
  /** How long a transaction may stay open; then the broker aborts it and fences its producer. */
  readonly transactionTimeoutMs?: number
  /** How long the broker holds a fetch for which there is nothing; a seek or resume takes effect after that at the latest. */
  readonly fetchWaitMs?: number
  /** Bytes of one answer to a fetch, and of one partition in it; a single batch may be larger. */
  readonly fetchBytesMax?: number
  readonly fetchPartitionBytesMax?: number
  /** Bytes of records in one produce request; a single record may be larger. Below the topics' max.message.bytes. */
  readonly requestBytesMax?: number
  /** How long an answer is waited for. */
  readonly requestTimeoutMs?: number
  readonly connectionTimeoutMs?: number
}

export type KafkaSettings = Required<KafkaClientOptions>

export const kafkaDefaults = {
  timers: systemTimers,
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 1_500,
  rebalanceTimeoutMs: 10_000,
  transactionTimeoutMs: 5_000,
  fetchWaitMs: 200,
  fetchBytesMax: 10_485_760,
  fetchPartitionBytesMax: 4_194_304,
  requestBytesMax: 900_000,
  requestTimeoutMs: 5_000,
  connectionTimeoutMs: 3_000,
} as const satisfies Omit<KafkaSettings, 'brokers' | 'clientId' | 'logger'>

/**
 * How kafkajs repeats what the broker asks to have repeated. The first wait is short, because after each commit the broker
 * is busy with it for some milliseconds; all together last about five seconds, the transaction timeout. Every value is
 * given: kafkajs takes others when NODE_ENV is "test".
 */
export const retrySettings: Required<Omit<RetryOptions, 'restartOnFailure'>> = {
  initialRetryTime: 5,
  multiplier: 1.5,
  factor: 0.2,
  retries: 40,
  maxRetryTime: 150,
}

/** Makes a kafkajs client of its own for each use: clients share what they believe was committed. */
export type CreateKafka = () => Kafka

/** @param turn which of the brokers is asked first, beginning with 0 and going round: kafkajs takes them in their order */
export function kafkaConfigOf(settings: KafkaSettings, turn: number): KafkaConfig {
  const first = turn % settings.brokers.length
  return {
    brokers: [...settings.brokers.slice(first), ...settings.brokers.slice(0, first)],
    clientId: settings.clientId,
    connectionTimeout: settings.connectionTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: retrySettings,
    logLevel: VERBOSITY,
    logCreator: logCreatorOf(settings.logger),
  }
}

export function consumerConfigOf(
  settings: KafkaSettings,
  role: { readonly groupId: string; readonly assigner: PartitionAssigner; readonly sessionTimeoutMs?: number },
): ConsumerConfig {
  return {
    groupId: role.groupId,
    partitionAssigners: [role.assigner],
    sessionTimeout: role.sessionTimeoutMs ?? settings.sessionTimeoutMs,
    heartbeatInterval: settings.heartbeatIntervalMs,
    rebalanceTimeout: settings.rebalanceTimeoutMs,
    maxWaitTimeInMs: settings.fetchWaitMs,
    minBytes: 1,
    maxBytes: settings.fetchBytesMax,
    maxBytesPerPartition: settings.fetchPartitionBytesMax,
    allowAutoTopicCreation: false,
    readUncommitted: false,
    retry: { ...retrySettings, restartOnFailure: () => Promise.resolve(false) },
  }
}
