/** Starts the stages that this process runs, with the adapters that carry out what they decide. */
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { type Destination, parseDestination } from '../domain/destination.ts'
import type { ServiceRegistered } from '../domain/inventory-messages.ts'
import { DmiClient } from '../dmi/dmi-client.ts'
import { coordinatorEffects } from '../effects/conclusions.ts'
import { dispatcherEffects } from '../effects/dispatcher-effects.ts'
import { DmiCalls } from '../effects/dmi-calls.ts'
import { Publications } from '../effects/publications.ts'
import type { Sinks } from '../effects/sink-choice.ts'
import { type GroupEvent, GroupSession, type GroupSessionOptions } from '../kafka/group-session.ts'
import type { OutputRefusal } from '../kafka/lane-life.ts'
import type { StageMetrics } from '../observability/metrics.ts'
import { observeGroup } from '../observability/stage-events.ts'
import { delay, monotonicClock, systemClock, systemTimers } from '../runtime/clock.ts'
import type { Closing } from '../runtime/closing.ts'
import { systemRandom } from '../runtime/random.ts'
import type { OperationSpill } from '../spill/operation-spill.ts'
import { jobSearch } from './bulk.ts'
import type { Connections } from './connections.ts'
import type { ProjectedReadModel } from './facade.ts'
import type { FormerMembers } from './former-members.ts'
import { callbackCalls, callbackRules } from './callbacks.ts'
import { generatorsOf } from './generators.ts'
import { bulkLanes, coordinatorLanes, destinationRules, dispatcherLanes, notifierLanes } from './lanes.ts'
import { mayWorkLater } from './may-work-later.ts'
import { openNamedResults } from './named-results.ts'
import { operationSpill } from './spill.ts'
import type { WatchedStage } from './watchdog.ts'

export interface StagesOptions {
  readonly config: Config
  readonly worker: string
  readonly connections: Connections
  readonly members: FormerMembers
  readonly sinks: Sinks
  /** Null where this process has no projector. */
  readonly projected: ProjectedReadModel | null
  /** Carries out what is built in. */
  readonly builtIn: ServiceRegistered | null
  readonly onRefusal: (refusal: OutputRefusal) => void
  readonly metrics: StageMetrics
  readonly logger: Logger
  readonly closing: Closing
  readonly onFatal: (error: unknown) => void
}

export interface PreparedStage {
  readonly name: string
  /** Resolves once the process is a member of the stage's group, however often that has to be tried, or once it stops. */
  join(): Promise<void>
  /** What is missing until the stage has its lanes and each of them works; null when nothing is. */
  missing(): string | null
  /** What the watchdog watches. */
  readonly watched: WatchedStage
}

const JOIN_AGAIN_MS = 1_000

const RESULT_DEPTH_MAX = 1_000
const CONNECT_TIMEOUT_MS = 5_000
const BODY_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 10_000
const REPLY_BYTES_MAX = 1024 * 1024

export function prepareStages(options: StagesOptions): readonly PreparedStage[] {
  const { config, closing, projected } = options
  const stages: PreparedStage[] = []
  const add = (name: string, session: StageSession): void => {
    const stopped = new AbortController()
    closing.later(name, () => {
      stopped.abort(new Error('the service is stopped'))
      return session.stop()
    })
    const watched: WatchedStage = {
      name,
      waiting: (limits) => session.waiting(limits),
      positions: () => session.positions(),
      replaceConsumer: (reason) => {
        session.replaceConsumer(reason)
      },
    }
    stages.push({ name, watched, missing: () => session.missing(), join: () => join(name, session, options, stopped.signal) })
  }
  const spill = operationSpill(options)
  if (config.roles.includes('coordinator')) add('coordinator', coordinator(options, spill))
  if (config.roles.includes('dispatcher')) add('dispatcher', dispatcher(options, spill))
  if (config.roles.includes('facade') && projected !== null) add('bulk', bulk(options, projected, spill))
  if (config.roles.includes('notifier')) add('notifier', notifier(options, spill))
  return stages
}

async function join(
  stage: string,
  session: StageSession,
  { logger, onFatal }: Pick<StagesOptions, 'logger' | 'onFatal'>,
  stopped: AbortSignal,
): Promise<void> {
  const isStopped = (): boolean => stopped.aborted
  while (!isStopped()) {
    try {
      await session.start()
      return
    } catch (error) {
      if (isStopped()) return
      if (!mayWorkLater(error)) {
        onFatal(error)
        return
      }
      logger.warn({ stage, err: error, againInMs: JOIN_AGAIN_MS }, 'the group was not joined yet')
    }
    await delay(systemTimers, JOIN_AGAIN_MS, stopped).catch(() => undefined)
  }
}

interface StageSession extends Omit<WatchedStage, 'name'> {
  start(): Promise<void>
  stop(): Promise<void>
  missing(): string | null
}

function coordinator(options: StagesOptions, spill: OperationSpill): StageSession {
  const { config, worker, connections, sinks, onRefusal } = options
  const { retryDelayMinMs, retryDelayMaxMs } = config
  const effects = coordinatorEffects({
    sinks,
    retries: { delayMinMs: retryDelayMinMs, delayMaxMs: retryDelayMaxMs },
    random: systemRandom,
    timers: systemTimers,
  })
  const lanes = coordinatorLanes({ config, worker, onRefusal, spill, ...connections }, effects)
  return new GroupSession(lanes, sessionOptions(options))
}

function dispatcher(options: StagesOptions, spill: OperationSpill): StageSession {
  const { config, worker, connections, sinks, builtIn, onRefusal, metrics, closing } = options
  const client = new DmiClient({
    connectionsMax: config.pluginConnectionsMax,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    headersTimeoutMs: config.callTimeoutMs,
    bodyTimeoutMs: BODY_TIMEOUT_MS,
    callTimeoutMs: config.callTimeoutMs,
    resultTimeoutMs: config.resultTimeoutMs,
    keepAliveMs: KEEP_ALIVE_MS,
    replyBytesMax: REPLY_BYTES_MAX,
    retryAfterMsMax: config.retryDelayMaxMs,
    clock: systemClock,
  })
  closing.later('dmi', () => client.close())
  const destinationOf = acceptedDestination(config)
  const serviceOf = (name: string): ServiceRegistered | undefined => {
    return builtIn?.name === name ? builtIn : connections.inventory.service(name)
  }
  const { callsInFlightMax } = config
  const calls = new DmiCalls({ client, serviceOf, destinationOf, callsInFlightMax, clock: monotonicClock, metrics })
  const resultLimits = { valueBytesMax: config.resultValueBytesMax, depthMax: RESULT_DEPTH_MAX }
  const publications = new Publications({
    ...{ calls, client, sinks, destinationOf, resultLimits, metrics, generators: generatorsOf(connections) },
    named: openNamedResults(options, resultLimits),
    ...{ resultsInFlightMax: config.resultsInFlightMax, waitingBytesMax: config.resultsWaitingBytesMax },
  })
  const lanes = dispatcherLanes({ config, worker, onRefusal, spill, ...connections }, {
    runEffect: dispatcherEffects(calls, publications),
    completionBytes: (completion) => publications.bytesOf(completion),
    onCommitted: (completion) => {
      publications.committed(completion)
    },
  })
  return new GroupSession(lanes, sessionOptions(options))
}

// Whoever takes commands about many jobs carries them out as well: there is no process that could take one and none that could do it.
function bulk(options: StagesOptions, projected: ProjectedReadModel, spill: OperationSpill): StageSession {
  const { config, worker, connections, onRefusal } = options
  return new GroupSession(bulkLanes({ config, worker, onRefusal, spill, ...connections }, jobSearch(projected)), sessionOptions(options))
}

function notifier(options: StagesOptions, spill: OperationSpill): StageSession {
  const { config, worker, connections, onRefusal } = options
  const calls = callbackCalls(options)
  const parts = { config, worker, onRefusal, spill, ...connections }
  const lanes = notifierLanes(parts, callbackRules, (effect, signal) => calls.deliver(effect, signal))
  return new GroupSession(lanes, sessionOptions(options))
}

function sessionOptions({ config, connections, members, logger, metrics, onFatal }: StagesOptions): GroupSessionOptions {
  const observe = observeGroup(logger, metrics)
  return {
    kafka: connections.kafka,
    admin: connections.admin,
    application: config.application,
    clock: systemClock,
    timers: systemTimers,
    observe: (event: GroupEvent) => {
      observe(event)
      if (event.type === 'LanesAssigned') members.remember(event.member.groupId, event.member.memberId)
      if (event.type === 'LaneBroken') onFatal(event.error)
    },
  }
}

// Every destination in a message of ours was checked when its job was accepted.
function acceptedDestination(config: Config): (text: string) => Destination {
  const rules = destinationRules(config)
  return (text) => {
    const parsed = parseDestination(text, rules)
    if (!parsed.ok) throw new Error(`broken invariant: ${parsed.message}, yet the job was accepted`)
    return parsed.destination
  }
}
