/** Every setting of the service. Defaults suit one process beside a local stack. docs/config.md is made from this file. */
import { callbackSettings } from './callback-settings.ts'
import { choice, flag, list, type Setting, text, wholeNumber } from './setting.ts'
import { pluginCallSettings } from './plugin-call-settings.ts'
import { processSettings } from './process-settings.ts'
import { watchdogSettings } from './watchdog-settings.ts'

export const ROLES = ['facade', 'coordinator', 'dispatcher', 'projector', 'notifier'] as const
export type Role = (typeof ROLES)[number]

const isRole = (item: string): item is Role => ROLES.some((role) => role === item)
const isBroker = (item: string): item is string => /^\[?[\w.:-]+\]?:\d{1,5}$/.test(item)
const isToken = (item: string): item is string => /^[\x21-\x2b\x2d-\x7e]{16,512}$/.test(item)

const isTopicPattern = (item: string): item is string => /^(?:[\w.-]{1,249}|[\w.-]{0,248}\*)$/.test(item)

const HTTP_URL = /^https?:\/\/[^\s/]+(\/\S*)?$/
const NAME = /^[A-Za-z0-9._-]{1,64}$/

export const settings = {
  roles: list('DATAJOB_ROLES', {
    fallback: ROLES,
    limits: `some of ${ROLES.join(', ')}`,
    accepts: isRole,
    description: 'Which stages this process runs. The facade answers from the read model, so it needs the projector beside it.',
  }),
  dataFolder: text('DATAJOB_DATA_FOLDER', {
    fallback: '.datajob',
    pattern: /^[^\0]{1,1024}$/,
    limits: 'a folder',
    description: 'Where the read model, operations that wait and large jobs on their way are kept. Deleted, it is rebuilt from the topics.',
  }),
  kafkaBrokers: list('DATAJOB_KAFKA_BROKERS', {
    fallback: ['127.0.0.1:9092'],
    limits: 'host:port, separated by commas',
    accepts: isBroker,
    description: 'Brokers to begin with; the others are learned from them.',
  }),
  application: text('DATAJOB_APPLICATION', {
    fallback: 'datajob',
    pattern: NAME,
    limits: '1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"',
    description: 'What consumer groups and transactional ids begin with. The same for all processes of one installation.',
  }),
  topicPrefix: text('DATAJOB_TOPIC_PREFIX', {
    fallback: 'datajob.',
    pattern: NAME,
    limits: '1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"',
    description: 'What the names of our topics begin with. Clients may not name such a topic as a destination.',
  }),
  partitions: wholeNumber('DATAJOB_PARTITIONS', {
    ...{ fallback: 6, min: 1, max: 1024, unit: 'partitions' },
    description: 'Partitions of each stage topic: the most processes that one stage can be spread over. Fixed once topics exist.',
  }),
  replicationFactor: wholeNumber('DATAJOB_REPLICATION_FACTOR', {
    ...{ fallback: -1, min: -1, max: 9, unit: 'replicas' },
    description: 'Replicas of each of our topics; -1 leaves it to the broker.',
  }),
  sessionTimeoutMs: wholeNumber('DATAJOB_SESSION_TIMEOUT_MS', {
    ...{ fallback: 6_000, min: 1_000, max: 300_000, unit: 'ms' },
    description: 'How long a silent process keeps its lanes before others take them over.',
  }),
  heartbeatIntervalMs: wholeNumber('DATAJOB_HEARTBEAT_INTERVAL_MS', {
    ...{ fallback: 1_500, min: 100, max: 60_000, unit: 'ms' },
    description: 'How often a process tells its consumer groups that it is alive.',
  }),
  transactionTimeoutMs: wholeNumber('DATAJOB_TRANSACTION_TIMEOUT_MS', {
    ...{ fallback: 5_000, min: 1_000, max: 300_000, unit: 'ms' },
    description: 'When the broker ends a transaction whose process is gone.',
  }),
  turnRecordsMax: wholeNumber('DATAJOB_TURN_RECORDS_MAX', {
    ...{ fallback: 500, min: 1, max: 10_000, unit: 'records' },
    description: 'Records that one transaction of a lane takes in at most.',
  }),
  turnBytesMax: wholeNumber('DATAJOB_TURN_BYTES_MAX', {
    ...{ fallback: 4 * 1024 * 1024, min: 1_024, max: 64 * 1024 * 1024, unit: 'bytes' },
    description: 'Bytes of records, and of results, that one transaction of a lane takes in; one of each it takes, however large.',
  }),
  inboxRecordsMax: wholeNumber('DATAJOB_INBOX_RECORDS_MAX', {
    ...{ fallback: 2_000, min: 1, max: 100_000, unit: 'records' },
    description: 'Records of one topic that wait in a lane before fetching of that partition is paused.',
  }),
  inboxBytesMax: wholeNumber('DATAJOB_INBOX_BYTES_MAX', {
    ...{ fallback: 8 * 1024 * 1024, min: 1_024, max: 256 * 1024 * 1024, unit: 'bytes' },
    description: 'Bytes of the records of one topic that wait in a lane before fetching of that partition is paused.',
  }),
  openSubjobsMax: wholeNumber('DATAJOB_OPEN_SUBJOBS_MAX', {
    ...{ fallback: 200_000, min: 1, max: 10_000_000, unit: 'subjobs' },
    description: 'Subjobs that a lane holds in memory before it takes in no more work.',
  }),
  partsWaitingMax: wholeNumber('DATAJOB_PARTS_WAITING_MAX', {
    ...{ fallback: 2_000, min: 1, max: 1_000_000, unit: 'records' },
    description:
      'Records with operations of large jobs, up to a megabyte each, that a lane has read and not handed out yet before it reads no ' +
      'more commands.',
  }),
  operationsMemoryBytesMax: wholeNumber('DATAJOB_OPERATIONS_MEMORY_BYTES_MAX', {
    ...{ fallback: 64 * 1024 * 1024, min: 0, max: 64 * 1024 * 1024 * 1024, unit: 'bytes' },
    description: 'Bytes of waiting operations that one process keeps in memory; more are in files of the data folder until needed.',
  }),
  registryUrl: text('DATAJOB_REGISTRY_URL', {
    fallback: 'http://127.0.0.1:8081/apis/ccompat/v7',
    pattern: HTTP_URL,
    limits: 'an http or https URL',
    description: 'Schema registry with the Confluent API.',
  }),
  s3Endpoint: text('DATAJOB_S3_ENDPOINT', {
    fallback: 'http://127.0.0.1:9090',
    pattern: HTTP_URL,
    limits: 'an http or https URL',
    description: 'S3 server for buckets as destinations.',
  }),
  s3Region: text('DATAJOB_S3_REGION', {
    fallback: 'us-east-1',
    pattern: NAME,
    limits: 'a region',
    description: 'Region that requests are signed for.',
  }),
  s3AccessKey: text('DATAJOB_S3_ACCESS_KEY', {
    ...{ fallback: 'datajob', pattern: /^\S{1,256}$/, limits: '1 to 256 characters', secret: true },
    description: 'Access key for S3.',
  }),
  s3SecretKey: text('DATAJOB_S3_SECRET_KEY', {
    ...{ fallback: 'datajob-secret', pattern: /^\S{1,256}$/, limits: '1 to 256 characters', secret: true },
    description: 'Secret key for S3.',
  }),
  s3PublicEndpoint: text('DATAJOB_S3_PUBLIC_ENDPOINT', {
    fallback: '',
    pattern: /^(https?:\/\/[^\s/]+\/?)?$/,
    limits: 'an http or https URL without a path, or empty',
    description: 'Where clients reach the S3 server, for links to results; empty where they reach it as we do.',
  }),
  linkValidityS: wholeNumber('DATAJOB_LINK_VALIDITY_S', {
    ...{ fallback: 3_600, min: 1, max: 7 * 24 * 3_600, unit: 's' },
    description: 'How long a link to a result can be used. Who has the link needs no credentials.',
  }),
  host: text('DATAJOB_HOST', {
    fallback: '127.0.0.1',
    pattern: /^[\w.:-]{1,255}$/,
    limits: 'a host name or address',
    description: 'Address that REST listens on. Any other than loopback needs tokens, or insecure.',
  }),
  port: wholeNumber('DATAJOB_PORT', {
    ...{ fallback: 8080, min: 0, max: 65_535, unit: 'port' },
    description: 'Port that REST listens on; 0 takes a free one.',
  }),
  insecure: flag('DATAJOB_INSECURE', {
    fallback: false,
    description: 'Allows to listen on an address that is not loopback without authentication.',
  }),
  apiRoot: text('DATAJOB_API_ROOT', {
    fallback: '',
    pattern: /^(https?:\/\/[^\s/]+(\/\S*)?)?$/,
    limits: 'an http or https URL, or empty',
    description: 'What links in answers begin with; empty takes the host that the client asked.',
  }),
  clientTokens: list('DATAJOB_CLIENT_TOKENS', {
    ...{ fallback: [], limits: 'tokens of 16 to 512 visible characters, separated by commas', secret: true },
    accepts: isToken,
    description: 'Bearer tokens of clients. Without any, REST asks for none.',
  }),
  operatorTokens: list('DATAJOB_OPERATOR_TOKENS', {
    ...{ fallback: [], limits: 'tokens of 16 to 512 visible characters, separated by commas', secret: true },
    accepts: isToken,
    description: 'Bearer tokens of operators, who may change the inventory and the registry of DMI services.',
  }),
  bareDestinationIs: choice('DATAJOB_BARE_DESTINATION_IS', {
    fallback: 'topic',
    values: ['topic', 'bucket'],
    description: 'What a destination without "kafka:" or "s3:" names.',
  }),
  operationsMax: wholeNumber('DATAJOB_OPERATIONS_MAX', {
    ...{ fallback: 1_000_000, min: 1, max: 10_000_000, unit: 'operations' },
    description: 'Operations that one job may have.',
  }),
  bodyBytesMax: wholeNumber('DATAJOB_BODY_BYTES_MAX', {
    ...{ fallback: 512 * 1024 * 1024, min: 1_024, max: 4 * 1024 * 1024 * 1024, unit: 'bytes' },
    description: 'Bytes that the body of one job may have over REST. A million operations take about 220 MB.',
  }),
  uploadTimeoutMs: wholeNumber('DATAJOB_UPLOAD_TIMEOUT_MS', {
    ...{ fallback: 600_000, min: 1_000, max: 24 * 3_600_000, unit: 'ms' },
    description: 'How long a client may take to send a job over REST.',
  }),
  uploadsMax: wholeNumber('DATAJOB_UPLOADS_MAX', {
    ...{ fallback: 4, min: 1, max: 100, unit: 'jobs' },
    description: 'Jobs larger than a record that one process takes in over REST at a time; each may take about 80 MiB of memory.',
  }),
  uploadBytesMax: wholeNumber('DATAJOB_UPLOAD_BYTES_MAX', {
    ...{ fallback: 2 * 1024 * 1024 * 1024, min: 1_024, max: 1024 ** 4, unit: 'bytes' },
    description: 'Bytes that those jobs have on disk, below the data folder, until all of a job has come.',
  }),
  pathLengthMax: wholeNumber('DATAJOB_PATH_LENGTH_MAX', {
    ...{ fallback: 4_096, min: 16, max: 65_536, unit: 'characters' },
    description: "The longest path of an operation.",
  }),
  subjobOperationsMax: wholeNumber('DATAJOB_SUBJOB_OPERATIONS_MAX', {
    ...{ fallback: 2_500, min: 1, max: 100_000, unit: 'operations' },
    description: 'Operations of one subjob; a producer with more gets several.',
  }),
  subjobBytesMax: wholeNumber('DATAJOB_SUBJOB_BYTES_MAX', {
    ...{ fallback: 768 * 1024, min: 1_024, max: 900 * 1024, unit: 'bytes' },
    description: 'About the bytes of the operations of one subjob; it has to fit into one record.',
  }),
  attemptsMax: wholeNumber('DATAJOB_ATTEMPTS_MAX', {
    ...{ fallback: 10, min: 1, max: 100, unit: 'attempts' },
    description: 'Attempts at a subjob, unless the job says otherwise. With the delays below, ten last for about a minute.',
  }),
  subjobTimeoutMs: wholeNumber('DATAJOB_SUBJOB_TIMEOUT_MS', {
    ...{ fallback: 24 * 3_600_000, min: 1_000, max: 366 * 24 * 3_600_000, unit: 'ms' },
    description:
      'How long a subjob may take from its first submission on, unless its DMI service is registered with another limit; ' +
      'then it is cancelled.',
  }),
  cancelTimeoutMs: wholeNumber('DATAJOB_CANCEL_TIMEOUT_MS', {
    ...{ fallback: 30_000, min: 100, max: 3_600_000, unit: 'ms' },
    description: 'How long a producer is waited for after it was asked to stop a subjob; what it has done by then is published.',
  }),
  partsTimeoutMs: wholeNumber('DATAJOB_PARTS_TIMEOUT_MS', {
    ...{ fallback: 600_000, min: 1_000, max: 24 * 3_600_000, unit: 'ms' },
    description: 'How long the records with the operations of a large job are waited for after its command.',
  }),
  subjobsInFlightMax: wholeNumber('DATAJOB_SUBJOBS_IN_FLIGHT_MAX', {
    ...{ fallback: 64, min: 1, max: 1_000_000, unit: 'subjobs' },
    description: 'Subjobs that one producer works on at a time, unless its DMI service is registered with another limit.',
  }),
  ...pluginCallSettings,
  ...processSettings,
  resultTimeoutMs: wholeNumber('DATAJOB_RESULT_TIMEOUT_MS', {
    ...{ fallback: 900_000, min: 1_000, max: 86_400_000, unit: 'ms' },
    description:
      'How long a result may keep us waiting, all its pauses together; the time that its destination takes does not count. ' +
      'A slower one fails its subjob, and so does a silence of 30 s when it comes again and again.',
  }),
  pollDelayMinMs: wholeNumber('DATAJOB_POLL_DELAY_MIN_MS', {
    ...{ fallback: 10, min: 1, max: 600_000, unit: 'ms' },
    description: 'The shortest wait before a producer is asked for the status again.',
  }),
  pollDelayMaxMs: wholeNumber('DATAJOB_POLL_DELAY_MAX_MS', {
    ...{ fallback: 10_000, min: 1, max: 3_600_000, unit: 'ms' },
    description: 'The longest wait before a producer is asked for the status again.',
  }),
  retryDelayMinMs: wholeNumber('DATAJOB_RETRY_DELAY_MIN_MS', {
    ...{ fallback: 500, min: 1, max: 600_000, unit: 'ms' },
    description: 'Bound of the random wait after the first failure; it doubles with each further one.',
  }),
  retryDelayMaxMs: wholeNumber('DATAJOB_RETRY_DELAY_MAX_MS', {
    ...{ fallback: 30_000, min: 1, max: 3_600_000, unit: 'ms' },
    description: 'The largest bound of the random wait after a failure, and the longest that Retry-After can ask for.',
  }),
  resultValueBytesMax: wholeNumber('DATAJOB_RESULT_VALUE_BYTES_MAX', {
    ...{ fallback: 8 * 1024 * 1024, min: 1_024, max: 256 * 1024 * 1024, unit: 'bytes' },
    description:
      "The largest single response in a producer's result, and how much of a result is looked at to see whether it has responses.",
  }),
  resultsInFlightMax: wholeNumber('DATAJOB_RESULTS_IN_FLIGHT_MAX', {
    ...{ fallback: 128, min: 1, max: 1_000, unit: 'results' },
    description: 'Results that one process fetches and publishes at a time; a single DMI service gets a quarter, and buckets together do.',
  }),
  resultsWaitingBytesMax: wholeNumber('DATAJOB_RESULTS_WAITING_BYTES_MAX', {
    ...{ fallback: 256 * 1024 * 1024, min: 1_024, max: 64 * 1024 * 1024 * 1024, unit: 'bytes' },
    description: 'Bytes of results for topics that one process has fetched and not yet written, before it fetches no more.',
  }),
  resultTopics: list('DATAJOB_RESULT_TOPICS', {
    ...{ fallback: ['*'], limits: 'names of topics, or beginnings of names with "*" behind, separated by commas', unit: 'topics' },
    accepts: isTopicPattern,
    description: 'Topics that a DMI service may name as the place of its results. Topics of ours it never may.',
  }),
  resultTopicTimeoutMs: wholeNumber('DATAJOB_RESULT_TOPIC_TIMEOUT_MS', {
    ...{ fallback: 60_000, min: 100, max: 3_600_000, unit: 'ms' },
    description: "How long results are waited for on the topic that a DMI service has named, from its answer on.",
  }),
  eventBytesMax: wholeNumber('DATAJOB_EVENT_BYTES_MAX', {
    ...{ fallback: 900_000, min: 10_000, max: 10_000_000, unit: 'bytes' },
    description: 'The largest value of a result event; a larger result goes out as several.',
  }),
  jobRetentionMs: wholeNumber('DATAJOB_JOB_RETENTION_MS', {
    ...{ fallback: 7 * 24 * 3_600_000, min: 1_000, max: 366 * 24 * 3_600_000, unit: 'ms' },
    description: 'How long an ended job can be read and its id stays taken.',
  }),
  retryRetentionMs: wholeNumber('DATAJOB_RETRY_RETENTION_MS', {
    ...{ fallback: 24 * 3_600_000, min: 1_000, max: 366 * 24 * 3_600_000, unit: 'ms' },
    description: 'How long what failed of an ended job is kept, so that it can be tried again.',
  }),
  ...callbackSettings,
  ...watchdogSettings,
  startTimeoutMs: wholeNumber('DATAJOB_START_TIMEOUT_MS', {
    ...{ fallback: 600_000, min: 0, max: 24 * 3_600_000, unit: 'ms' },
    description:
      'How long a start waits for Kafka and the schema registry; meanwhile `/livez` answers 200, and `/readyz` 503 with the reason.',
  }),
  shutdownTimeoutMs: wholeNumber('DATAJOB_SHUTDOWN_TIMEOUT_MS', {
    ...{ fallback: 10_000, min: 100, max: 600_000, unit: 'ms' },
    description: 'How long a stop waits for transactions and answers under way.',
  }),
  logLevel: choice('DATAJOB_LOG_LEVEL', {
    fallback: 'info',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    description: 'The least severe log lines that are written.',
  }),
} as const satisfies Record<string, Setting<unknown>>
