/**
 * What to do about each error that Kafka or the client library reports. One row per error code that an answer to one of our
 * requests may carry (names and numbers: org.apache.kafka.common.protocol.Errors), then the client's own names.
 */
import type { Disposition } from './port.ts'

interface Row {
  readonly disposition: Disposition
  readonly reason: string
}

interface ErrorCodeRow extends Row {
  readonly number: number
}

const codeRows = {
  UNKNOWN_SERVER_ERROR: row(-1, 'restart', 'the broker does not know itself what happened'),
  OFFSET_OUT_OF_RANGE: row(1, 'retry', 'retention removed the position; the consumer starts again at the first record'),
  CORRUPT_MESSAGE: row(2, 'retry', 'damaged on its way: the next copy may arrive whole'),
  UNKNOWN_TOPIC_OR_PARTITION: row(3, 'reject', 'nothing can be written to or read from a topic that is not there'),
  LEADER_NOT_AVAILABLE: row(5, 'retry', 'a leader is being elected'),
  NOT_LEADER_OR_FOLLOWER: row(6, 'retry', 'the leader has moved; the new one is in the next metadata'),
  REQUEST_TIMED_OUT: row(7, 'restart', 'the write may or may not have been replicated'),
  BROKER_NOT_AVAILABLE: row(8, 'retry', 'the broker is restarting'),
  REPLICA_NOT_AVAILABLE: row(9, 'retry', 'the replica is moving'),
  MESSAGE_TOO_LARGE: row(10, 'reject', 'larger than the topic\'s max.message.bytes, and will be so again'),
  OFFSET_METADATA_TOO_LARGE: row(12, 'reject', 'the same request would be refused again'),
  NETWORK_EXCEPTION: row(13, 'restart', 'the answer was lost, not necessarily the request'),
  COORDINATOR_LOAD_IN_PROGRESS: row(14, 'retry', 'a new coordinator is reading its log'),
  COORDINATOR_NOT_AVAILABLE: row(15, 'retry', 'a coordinator is being elected'),
  NOT_COORDINATOR: row(16, 'retry', 'the coordinator has moved'),
  INVALID_TOPIC_EXCEPTION: row(17, 'reject', 'no topic can have this name'),
  RECORD_LIST_TOO_LARGE: row(18, 'reject', 'larger than a segment of the topic, and will be so again'),
  NOT_ENOUGH_REPLICAS: row(19, 'retry', 'fewer replicas in sync than min.insync.replicas: wait for them'),
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: row(20, 'restart', 'written, yet to fewer replicas than promised'),
  INVALID_REQUIRED_ACKS: row(21, 'fatal', 'a defect in how we ask'),
  ILLEGAL_GENERATION: row(22, 'retry', 'the group has moved on; the member joins again'),
  INCONSISTENT_GROUP_PROTOCOL: row(23, 'fatal', 'the group has members that assign partitions in another way than ours'),
  INVALID_GROUP_ID: row(24, 'fatal', 'a setting: the group id is not allowed'),
  UNKNOWN_MEMBER_ID: row(25, 'retry', 'the session has expired; the member joins again'),
  INVALID_SESSION_TIMEOUT: row(26, 'fatal', 'a setting: outside of the broker\'s group.min and group.max.session.timeout.ms'),
  REBALANCE_IN_PROGRESS: row(27, 'retry', 'members come or go; the member joins again'),
  INVALID_COMMIT_OFFSET_SIZE: row(28, 'reject', 'the same request would be refused again'),
  TOPIC_AUTHORIZATION_FAILED: row(29, 'reject', 'this topic is closed to us; others are not'),
  GROUP_AUTHORIZATION_FAILED: row(30, 'fatal', 'the operator must allow the group'),
  CLUSTER_AUTHORIZATION_FAILED: row(31, 'fatal', 'the operator must allow the request'),
  INVALID_TIMESTAMP: row(32, 'reject', 'the record\'s time is further off than the topic allows'),
  UNSUPPORTED_SASL_MECHANISM: row(33, 'fatal', 'a setting: broker and client log in differently'),
  ILLEGAL_SASL_STATE: row(34, 'fatal', 'a setting: the listener expects another way to log in'),
  UNSUPPORTED_VERSION: row(35, 'fatal', 'the broker is too old or too new for the client'),
  TOPIC_ALREADY_EXISTS: row(36, 'reject', 'somebody was faster'),
  INVALID_PARTITIONS: row(37, 'reject', 'the partition count is not possible'),
  INVALID_REPLICATION_FACTOR: row(38, 'reject', 'more replicas than brokers, or less than one'),
  INVALID_REPLICA_ASSIGNMENT: row(39, 'reject', 'the same request would be refused again'),
  INVALID_CONFIG: row(40, 'reject', 'the broker does not take that value'),
  NOT_CONTROLLER: row(41, 'retry', 'the controller has moved'),
  INVALID_REQUEST: row(42, 'reject', 'the same request would be refused again'),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: row(43, 'reject', 'the topic keeps an old format that cannot hold the record'),
  POLICY_VIOLATION: row(44, 'reject', 'the operator\'s policy forbids it'),
  OUT_OF_ORDER_SEQUENCE_NUMBER: row(45, 'restart', 'an earlier batch was lost or the producer is out of step: begin anew'),
  DUPLICATE_SEQUENCE_NUMBER: row(46, 'restart', 'written before, but the broker has forgotten where'),
  INVALID_PRODUCER_EPOCH: row(47, 'fenced', 'another producer with the id has taken over, or the transaction timed out'),
  INVALID_TXN_STATE: row(48, 'restart', 'the broker has ended the transaction already: which way is unknown'),
  INVALID_PRODUCER_ID_MAPPING: row(49, 'fenced', 'the id belongs to another producer by now, or has expired'),
  INVALID_TRANSACTION_TIMEOUT: row(50, 'fatal', 'a setting: above the broker\'s transaction.max.timeout.ms'),
  CONCURRENT_TRANSACTIONS: row(51, 'restart', 'the transaction before is still being ended'),
  TRANSACTION_COORDINATOR_FENCED: row(52, 'restart', 'the coordinator has moved while it ended the transaction'),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: row(53, 'fatal', 'the operator must allow the transactional id'),
  SECURITY_DISABLED: row(54, 'fatal', 'a setting: the broker has no authorizer'),
  OPERATION_NOT_ATTEMPTED: row(55, 'reject', 'another partition of the same request was refused'),
  KAFKA_STORAGE_ERROR: row(56, 'restart', 'the broker\'s disk failed; another replica takes over'),
  SASL_AUTHENTICATION_FAILED: row(58, 'fatal', 'a setting: wrong credentials'),
  UNKNOWN_PRODUCER_ID: row(59, 'restart', 'retention removed what the producer wrote last: begin anew'),
  FENCED_LEADER_EPOCH: row(74, 'retry', 'the leader has moved'),
  UNKNOWN_LEADER_EPOCH: row(75, 'retry', 'the broker is behind; the next metadata helps'),
  UNSUPPORTED_COMPRESSION_TYPE: row(76, 'reject', 'the topic does not take that compression'),
  OFFSET_NOT_AVAILABLE: row(78, 'retry', 'a new leader does not know its end yet'),
  MEMBER_ID_REQUIRED: row(79, 'retry', 'the member joins again with the id it was given'),
  GROUP_MAX_SIZE_REACHED: row(81, 'retry', 'a place comes free when a member leaves'),
  FENCED_INSTANCE_ID: row(82, 'fatal', 'two members claim to be the same instance'),
  INVALID_RECORD: row(87, 'reject', 'the topic does not take such records: a compacted one wants a key'),
  UNSTABLE_OFFSET_COMMIT: row(88, 'retry', 'a transaction with these offsets is being ended'),
  THROTTLING_QUOTA_EXCEEDED: row(89, 'retry', 'too many changes at once'),
  PRODUCER_FENCED: row(90, 'fenced', 'another producer with the id has taken over'),
  TRANSACTION_ABORTABLE: row(120, 'restart', 'the transaction must be aborted, which the next producer with the id does'),
} as const satisfies Record<string, ErrorCodeRow>

const clientRows: Readonly<Record<string, Row>> = {
  CONNECTION_FAILED: { disposition: 'restart', reason: 'the answer to a request that was sent is not known' },
  REQUEST_TIMED_OUT_AT_CLIENT: { disposition: 'restart', reason: 'the answer to a request that was sent is not known' },
  ANSWER_INCOMPLETE: { disposition: 'restart', reason: 'a broker failed or a partition moved while others were writing' },
  METADATA_NOT_LOADED: { disposition: 'retry', reason: 'brokers come and go; nothing was sent' },
  PRODUCER_SPENT: { disposition: 'restart', reason: 'an earlier error has ended this producer' },
  TOO_MUCH_WAITING: { disposition: 'retry', reason: 'more is written than Kafka takes at the moment; nothing was sent' },
  CLOSED: { disposition: 'restart', reason: 'the caller has closed it' },
  SASL_AUTHENTICATION_FAILED_AT_CLIENT: { disposition: 'fatal', reason: 'a setting: wrong credentials' },
  API_NOT_SUPPORTED: { disposition: 'fatal', reason: 'the broker is too old or too new for the client' },
  PARTITION_COUNTS_DIFFER: { disposition: 'fatal', reason: 'a lane is the same partition of all topics, which then have equally many' },
  RECORDS_UNREADABLE: { disposition: 'fatal', reason: 'the log holds what the client cannot decode: reading on would lose it' },
  UNKNOWN: { disposition: 'restart', reason: 'not in this table: nothing is known about what happened' },
}

const nameByNumber = new Map<number, string>(Object.entries(codeRows).map(([name, { number }]) => [number, name]))

/** Kafka's name for an error code, or null where the table has none. */
export function errorNameOf(number: number): string | null {
  return nameByNumber.get(number) ?? null
}

/** What to do about an error, by its name in the table; a name that is not there is an outcome that nobody knows. */
export function dispositionOf(name: string): Disposition {
  const rows: Readonly<Record<string, Row>> = codeRows
  return (rows[name] ?? clientRows[name])?.disposition ?? 'restart'
}

function row<const D extends Disposition>(number: number, disposition: D, reason: string): ErrorCodeRow & { readonly disposition: D } {
  return { number, disposition, reason }
}
