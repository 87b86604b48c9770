/**
 * The composition root: builds the adapters and stages that a process runs, starts them in order, and stops them. Everything
 * else is handed what it needs.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Config } from './config/config.ts'
import type { Role } from './config/settings.ts'
import { createMetrics, type StageMetrics } from './observability/metrics.ts'
import { observeWatchdog } from './observability/watchdog-events.ts'
import type { ReadinessCheck } from './rest/health.ts'
import { Closing } from './runtime/closing.ts'
import { delay, monotonicClock, systemClock, systemTimers } from './runtime/clock.ts'
import { startLoopSentry } from './runtime/loop-sentry.ts'
import { startBuiltIn } from './service/built-in.ts'
import { connect, type Connections } from './service/connections.ts'
import { startFacade, startHealth, startProjector, startWaiting } from './service/facade.ts'
import { FormerMembers, isAlive } from './service/former-members.ts'
import { mayWorkLater } from './service/may-work-later.ts'
import { openSinks } from './service/sinks.ts'
import { prepareStages, type PreparedStage } from './service/stages.ts'
import { Watchdog, type WatchedReader } from './service/watchdog.ts'
import type { Projector } from './stages/projector/projector.ts'

export interface RunningService {
  /** Where REST answers; null where this process has no facade. */
  readonly url: string | null
  readonly roles: readonly Role[]
  /** Resolves to the exit code once the service has stopped, for whatever reason. */
  readonly stopped: Promise<number>
  /**
   * Stops gracefully: transactions and answers under way are finished, lanes handed over. What is not closed in time is given up, and
   * may keep the process: nothing that was promised depends on it, and whoever runs the service is to end the process.
   */
  stop(): Promise<void>
}

/** EX_SOFTWARE of sysexits: a defect, or something that only a person can mend. */
const EXIT_BROKEN = 70
/** EX_TEMPFAIL of sysexits: something stood still and did not come to itself; another process has a better chance. */
const EXIT_STUCK = 75
const START_AGAIN_MS = 1_000

/**
 * Resolves once REST answers; groups may still be joined and lanes restored (see `/readyz`). Waits for servers that are away,
 * bounded by the settings. Throws what a connection or a setting fails with; all that was opened is closed then.
 */
export async function startService(config: Config, { logger }: { readonly logger: Logger }): Promise<RunningService> {
  const giveUpAt = systemClock.now() + config.startTimeoutMs
  let waitsFor = 'Kafka and the schema registry are asked'
  const waiting = await startWaiting(config, { logger, waitsFor: () => waitsFor })
  const beforeListening = async (): Promise<void> => {
    await waiting?.close()
  }
  try {
    return await startAgainAndAgain({ config, logger, giveUpAt, beforeListening }, (error) => {
      waitsFor = error instanceof Error ? error.message : 'the start is tried again'
    })
  } finally {
    await beforeListening()
  }
}

interface Beginning extends Pick<Start, 'config' | 'logger' | 'beforeListening'> {
  readonly giveUpAt: number
}

async function startAgainAndAgain(
  { config, logger, giveUpAt, beforeListening }: Beginning,
  onFailure: (error: unknown) => void,
): Promise<RunningService> {
  for (;;) {
    const closing = new Closing((name, error) => {
      logger.warn({ part: name, err: error }, 'not closed cleanly')
    })
    try {
      return await startOnce({ config, logger, closing, beforeListening })
    } catch (error) {
      onFailure(error)
      await closing.close()
      if (!mayWorkLater(error) || systemClock.now() + START_AGAIN_MS > giveUpAt) throw error
      logger.warn({ err: error, againInMs: START_AGAIN_MS }, 'not started yet')
      await delay(systemTimers, START_AGAIN_MS)
    }
  }
}

async function startOnce({ config, logger, closing, beforeListening }: Omit<Start, 'onFatal' | 'onStuck'>): Promise<RunningService> {
  const stopped = Promise.withResolvers<number>()
  const stop = async (exitCode: number): Promise<void> => {
    const { shutdownTimeoutMs } = config
    const overdue = systemTimers.after(shutdownTimeoutMs, () => {
      logger.warn({ shutdownTimeoutMs, part: closing.underWay }, 'stopping takes too long: giving up on the rest')
      stopped.resolve(exitCode)
    })
    void closing.close().then(() => {
      overdue.cancel()
      logger.info({ exitCode }, 'stopped')
      stopped.resolve(exitCode)
    })
    await stopped.promise
  }
  const onFatal = (error: unknown): void => {
    logger.fatal({ err: error }, 'the process stops')
    void stop(EXIT_BROKEN)
  }
  const onStuck = (reason: string): void => {
    logger.fatal({ reason }, 'the process stops, to be started again')
    void stop(EXIT_STUCK)
  }
  const url = await startRoles({ config, logger, closing, onFatal, onStuck, beforeListening })
  logger.info({ url, roles: config.roles }, 'started')
  return { url, roles: config.roles, stopped: stopped.promise, stop: () => stop(0) }
}

interface Start {
  readonly config: Config
  readonly logger: Logger
  readonly closing: Closing
  readonly onFatal: (error: unknown) => void
  readonly onStuck: (reason: string) => void
  readonly beforeListening: () => Promise<void>
}

async function startRoles({ config, logger, closing, onFatal, onStuck, beforeListening }: Start): Promise<string | null> {
  const worker = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`
  const metrics = createMetrics()
  const connections = await connect({ config, worker, logger, closing, onFatal })
  const { sinks, onRefusal, bucketExists, objects } = openSinks(config, connections)
  const facade = { config, worker, connections, metrics, logger, closing, bucketExists, objects, onFatal, onStuck, beforeListening }
  const projected = config.roles.includes('projector') ? await startProjector(facade) : null
  const members = new FormerMembers({ dataFolder: config.dataFolder, pid: process.pid, isAlive, logger })
  await members.dismiss(connections.admin)
  const builtIn = config.roles.includes('dispatcher') ? await startBuiltIn(config.dataFolder, closing) : null
  const shared = { config, worker, connections, members, sinks, metrics, logger, closing }
  const stages = prepareStages({ ...shared, projected, builtIn, onRefusal, onFatal })
  const readiness = readinessOf(connections, stages, projected?.projector ?? null)
  const hasFacade = projected !== null && config.roles.includes('facade')
  const url = hasFacade ? await startFacade(facade, projected, readiness) : await startHealth(facade, readiness)
  const readers = [connections.inventory, ...(projected === null ? [] : [projected.projector])]
  startWatchdog({ config, worker, connections, stages, readers, metrics, logger, closing, onStuck })
  // After a crash a group waits until the session of who was killed is over. Jobs can be taken and asked for meanwhile.
  for (const stage of stages) void stage.join()
  return url
}

function startWatchdog({ config, worker, connections, stages, readers, metrics, logger, closing, onStuck }: Watch): void {
  const sentry = startLoopSentry({ limitMs: config.eventLoopTimeoutMs, name: worker })
  const watchdog = new Watchdog({
    ...{ config, readers, onStuck, kafka: connections.kafka, topicIds: connections.topicIds, clock: monotonicClock, timers: systemTimers },
    stages: stages.map(({ watched }) => watched),
    busyMicros: () => {
      const { user, system } = process.cpuUsage()
      return user + system
    },
    events: observeWatchdog(logger, metrics),
    onLook: () => {
      sentry.turn()
    },
  })
  watchdog.start()
  closing.later('watchdog', () => watchdog.stop())
  closing.later('loop sentry', () => sentry.stop())
}

interface Watch extends Omit<Start, 'onFatal' | 'beforeListening'> {
  readonly worker: string
  readonly connections: Connections
  readonly stages: readonly PreparedStage[]
  readonly readers: readonly WatchedReader[]
  readonly metrics: StageMetrics
}

function readinessOf(
  { inventory, admin }: Connections,
  stages: readonly PreparedStage[],
  projector: Pick<Projector, 'isReady' | 'waitsFor'> | null,
): readonly ReadinessCheck[] {
  return [
    // Rejects, or takes too long, when no broker answers.
    { name: 'kafka', check: () => admin.clusterId().then(() => null) },
    { name: 'inventory', check: () => Promise.resolve(inventory.isReady() ? null : 'the inventory is being read') },
    { name: 'projector', check: () => Promise.resolve(projector === null ? null : missingOf(projector)) },
    ...stages.map((stage) => ({ name: stage.name, check: () => Promise.resolve(stage.missing()) })),
  ]
}

function missingOf(projector: Pick<Projector, 'isReady' | 'waitsFor'>): string | null {
  return projector.waitsFor() ?? (projector.isReady() ? null : 'the read model is catching up')
}
