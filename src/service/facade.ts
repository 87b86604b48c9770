/** The read model with its projector, and the REST server that answers from it. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { AddressGuard } from '../outside/address-guard.ts'
import { DocumentFetch } from '../outside/document-fetch.ts'
import type { Config } from '../config/config.ts'
import { readVersion } from '../config/version.ts'
import { dmiServiceOf } from '../dmi/dmi-service.ts'
import { checkUnit } from '../dmi/unit-check.ts'
import type { StageMetrics } from '../observability/metrics.ts'
import { openSqliteReadModel } from '../read-model/sqlite.ts'
import { type ReadModel, ReadModelFailure } from '../read-model/port.ts'
import type { AuthOptions } from '../rest/auth.ts'
import type { ResultStore } from '../rest/dependencies.ts'
import type { ReadinessCheck } from '../rest/health.ts'
import { buildHealthServer } from '../rest/health-server.ts'
import { DEFAULT_REST_LIMITS, type RestLimits } from '../rest/limits.ts'
import { buildServer, startServer } from '../rest/server.ts'
import { closeServer } from '../rest/server-close.ts'
import { buildWaitingServer } from '../rest/waiting-server.ts'
import type { Closing } from '../runtime/closing.ts'
import { systemClock, systemTimers } from '../runtime/clock.ts'
import { Projector } from '../stages/projector/projector.ts'
import type { Connections } from './connections.ts'
import { dialectColumns } from './job-subjects.ts'
import { destinationRules, splitLimits, submissionLimits } from './lanes.ts'
import { resultTopicsOf } from './result-topics.ts'
import { registeredInventory } from './registered-inventory.ts'

export interface FacadeOptions {
  readonly config: Config
  readonly worker: string
  readonly connections: Connections
  readonly metrics: StageMetrics
  readonly logger: Logger
  readonly closing: Closing
  readonly bucketExists: (name: string) => Promise<boolean>
  readonly objects: ResultStore
  readonly onFatal: (error: unknown) => void
  /** The process is to end, for another one has a better chance. */
  readonly onStuck: (reason: string) => void
  /** Awaited before anything listens: whoever has answered at the address so far leaves it. */
  readonly beforeListening: () => Promise<void>
}

const DAY_MS = 24 * 3_600_000
// The `jobs` topic keeps the word that a job is gone for seven days (src/kafka/topics.ts).
const READ_MODEL_STALE_MS = 6 * DAY_MS
/** Times the time after which whatever stands still is begun anew: nothing can be begun anew about a disk. */
const DISK_FAILURE_PROGRESS_TIMEOUTS = 3

const DOCUMENT_TIMEOUT_MS = 15_000
const DOCUMENT_BYTES_MAX = 1024 * 1024

export interface ProjectedReadModel {
  readonly readModel: ReadModel
  readonly projector: Projector
}

export async function startProjector(options: FacadeOptions): Promise<ProjectedReadModel> {
  const { config, connections, logger, closing, onFatal, onStuck } = options
  const { kafka, admin, codec, topics, identity } = connections
  const location = {
    folder: join(config.dataFolder, 'read-model'),
    identity,
    staleAfterMs: READ_MODEL_STALE_MS,
    diskFailureMsMax: DISK_FAILURE_PROGRESS_TIMEOUTS * config.progressTimeoutMs,
    clock: systemClock,
    onDiscard: (reason: string) => {
      logger.warn({ reason }, 'the read model is rebuilt from the topics')
    },
  }
  const readModel = openSqliteReadModel(location, dialectColumns)
  closing.later('read model', () => readModel.close())
  const projector = new Projector({
    ...{ kafka, admin, readModel, codec, topics, clock: systemClock, timers: systemTimers },
    rules: {
      destinations: destinationRules(config),
      submissions: submissionLimits(config),
      attemptsMax: config.attemptsMax,
    },
    events: {
      failed: (error) => {
        if (error instanceof ReadModelFailure && error.disposition === 'restart') onStuck(error.message)
        else onFatal(error)
      },
      waiting: (error) => {
        logger.warn({ err: error }, 'the projector waits for Kafka, the schema registry or the disk')
      },
      skipped: ({ topic, partition, offset }, cause) => {
        logger.warn({ topic, partition, offset, cause }, 'record not projected')
      },
      rebuilding: (reason) => {
        logger.warn({ reason }, 'the read model is rebuilt from the topics')
      },
    },
  })
  closing.later('projector', () => projector.stop())
  await projector.start()
  return { readModel, projector }
}

/** Resolves to where REST listens. Throws UnsafeBinding, or what listening fails with. */
export async function startFacade(
  options: FacadeOptions,
  projected: ProjectedReadModel,
  readiness: readonly ReadinessCheck[],
): Promise<string> {
  const { config, worker, connections, metrics, logger, closing, bucketExists, objects } = options
  const { kafka, admin, codec, topics, inventory } = connections
  const producer = await kafka.producer()
  closing.later('producer', () => producer.close())
  const auth = authOf(config)
  const guard = new AddressGuard(config.callbackAllowedAddresses, 'DATAJOB_CALLBACK_ALLOWED_ADDRESSES')
  const documents = new DocumentFetch({
    guard: new AddressGuard(config.packageAllowedAddresses, 'DATAJOB_PACKAGE_ALLOWED_ADDRESSES'),
    ...{ timeoutMs: DOCUMENT_TIMEOUT_MS, bytesMax: DOCUMENT_BYTES_MAX },
  })
  closing.later('fetched documents', () => documents.close())
  const app = await buildServer({
    ...{ codec, producer, admin, bucketExists, objects, readModel: projected.readModel, progress: projected.projector },
    ...{ clock: systemClock, timers: systemTimers, topics, limits: restLimits(config), readiness, auth },
    resultTopics: resultTopicsOf(connections, closing),
    destinations: destinationRules(config),
    submissions: submissionLimits(config),
    callbackRefusal: (url) => guard.refusalOf(url),
    inventory: registeredInventory(inventory),
    processes: inventory.processes,
    definitions: inventory.definitions,
    workspaces: config.workspaces,
    execService: config.execService,
    fetchDocument: (url) => documents.fetch(url),
    checkUnit: (service, value, timeoutMs) => checkUnit(dmiServiceOf(service), value, timeoutMs),
    handles: inventory,
    splits: splitLimits(config),
    retryRetentionMs: Math.min(config.retryRetentionMs, config.jobRetentionMs),
    spoolFolder: join(config.dataFolder, 'uploads'),
    openLargeProducer: (timeout) => kafka.transactionalProducer(`${config.application}.facade.${worker}`, timeout),
    logger,
    metrics: metrics.registry,
    apiRoot: config.apiRoot === '' ? null : config.apiRoot,
    version: readVersion(),
  })
  // The rest of the time is for what has work to hand over.
  closing.later('rest', () => closeServer(app, systemTimers, config.shutdownTimeoutMs / 2))
  await options.beforeListening()
  return startServer(app, { host: config.host, port: config.port, insecure: config.insecure }, auth)
}

function restLimits(config: Config): RestLimits {
  return {
    ...DEFAULT_REST_LIMITS,
    jobBodyBytesMax: config.bodyBytesMax,
    uploadTimeoutMs: config.uploadTimeoutMs,
    uploadsMax: config.uploadsMax,
    uploadBytesMax: config.uploadBytesMax,
  }
}

/** Where there is no facade, the address answers for the process's health only: there is no URL for clients. */
export async function startHealth(
  { config, metrics, logger, closing, beforeListening }: FacadeOptions,
  readiness: readonly ReadinessCheck[],
): Promise<null> {
  const app = buildHealthServer({ readiness, metrics: metrics.registry, timers: systemTimers, logger })
  closing.later('health', () => closeServer(app, systemTimers, config.shutdownTimeoutMs / 2))
  await beforeListening()
  await app.listen({ host: config.host, port: config.port })
  return null
}

/**
 * Answers at the address of `config` until it is closed, or resolves to null where only the system knows the port. Closing it more than
 * once changes nothing.
 */
export async function startWaiting(
  { host, port }: Pick<Config, 'host' | 'port'>,
  { logger, waitsFor }: { readonly logger: Logger; readonly waitsFor: () => string },
): Promise<{ close(): Promise<void> } | null> {
  if (port === 0) return null
  const app = buildWaitingServer({ timers: systemTimers, logger, waitsFor })
  await app.listen({ host, port })
  let closed: Promise<void> | null = null
  return { close: () => (closed ??= app.close().then(() => undefined)) }
}

function authOf({ clientTokens, operatorTokens }: Config): AuthOptions {
  const named = (kind: string) => (secret: string, at: number) => ({ name: `${kind}-${at + 1}`, secret })
  return { bearerTokens: clientTokens.map(named('client')), basicUsers: [], operatorTokens: operatorTokens.map(named('operator')) }
}
