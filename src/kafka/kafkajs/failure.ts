import { dispositionOf, errorNameOf } from '../error-dispositions.ts'
import { type Disposition, KafkaFailure } from '../port.ts'

/** Names of kafkajs's error classes and of socket errors, and what src/kafka/error-dispositions.ts calls them. */
const clientNames: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'CONNECTION_FAILED',
  ECONNRESET: 'CONNECTION_FAILED',
  EPIPE: 'CONNECTION_FAILED',
  KafkaJSConnectionError: 'CONNECTION_FAILED',
  KafkaJSConnectionClosedError: 'CONNECTION_FAILED',
  KafkaJSRequestTimeoutError: 'REQUEST_TIMED_OUT_AT_CLIENT',
  KafkaJSTimeout: 'REQUEST_TIMED_OUT_AT_CLIENT',
  KafkaJSLockTimeout: 'REQUEST_TIMED_OUT_AT_CLIENT',
  KafkaJSBrokerNotFound: 'METADATA_NOT_LOADED',
  KafkaJSNoBrokerAvailableError: 'METADATA_NOT_LOADED',
  KafkaJSMetadataNotLoaded: 'METADATA_NOT_LOADED',
  KafkaJSTopicMetadataNotLoaded: 'METADATA_NOT_LOADED',
  KafkaJSStaleTopicMetadataAssignment: 'METADATA_NOT_LOADED',
  KafkaJSGroupCoordinatorNotFound: 'METADATA_NOT_LOADED',
  KafkaJSSASLAuthenticationError: 'SASL_AUTHENTICATION_FAILED_AT_CLIENT',
  KafkaJSServerDoesNotSupportApiKey: 'API_NOT_SUPPORTED',
  KafkaJSNotImplemented: 'RECORDS_UNREADABLE',
  KafkaJSPartialMessageError: 'RECORDS_UNREADABLE',
  KafkaJSUnsupportedMagicByteInMessageSet: 'RECORDS_UNREADABLE',
  PartitionCountsDiffer: 'PARTITION_COUNTS_DIFFER',
}

/** What is at stake in a call: decides what an unclear outcome means to the caller. */
export type Stake = 'transaction' | 'call'

/**
 * The failure that an error of kafkajs amounts to. kafkajs wraps what went wrong in errors of its own, so the causes are
 * looked through for one that the table knows. A transaction can't be retried, only begun anew with another producer; a call
 * that stands alone can, and nobody can fence it.
 */
export function toKafkaFailure(error: unknown, action: string, stake: Stake): KafkaFailure {
  if (error instanceof KafkaFailure) return restated(error, stake)
  const causes = causesOf(error)
  const code = causes.map(tableNameOf).find((name) => name !== null) ?? 'UNKNOWN'
  const topic = causes.map(topicOf).find((name) => name !== null) ?? null
  const details = { code, disposition: atStake(dispositionOf(code), stake), topic, cause: error }
  const about = topic === null ? '' : ` (topic ${topic})`
  return new KafkaFailure(`${action}: ${code}${about}: ${messageOf(causes.at(-1))}`, details)
}

function restated(failure: KafkaFailure, stake: Stake): KafkaFailure {
  const { code, message, topic } = failure
  const disposition = atStake(failure.disposition, stake)
  return disposition === failure.disposition ? failure : new KafkaFailure(message, { code, disposition, topic, cause: failure })
}

function atStake(disposition: Disposition, stake: Stake): Disposition {
  if (stake === 'transaction') return disposition === 'retry' ? 'restart' : disposition
  return disposition === 'restart' || disposition === 'fenced' ? 'retry' : disposition
}

const CAUSES_MAX = 10

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = []
  for (let at: unknown = error; at !== undefined && at !== null && causes.length < CAUSES_MAX; at = causeOf(at)) causes.push(at)
  return causes
}

function causeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined
  if ('errors' in error && Array.isArray(error.errors)) return error.errors[0] as unknown
  return 'cause' in error ? error.cause : undefined
}

// kafkajs knows the codes up to 88; the number of any other is in the message only.
const UNKNOWN_CODE = /^Unknown error code (-?\d+)$/

function tableNameOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  if ('type' in error && 'code' in error && typeof error.code === 'number') {
    return errorNameOf(Number(UNKNOWN_CODE.exec(error.message)?.[1] ?? error.code)) ?? String(error.type)
  }
  if ('code' in error && typeof error.code === 'string') return clientNames[error.code] ?? null
  return clientNames[error.name] ?? null
}

function topicOf(error: unknown): string | null {
  return error instanceof Error && 'topic' in error && typeof error.topic === 'string' ? error.topic : null
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
