/** What callbacks are made of: each dialect's rule and bodies, and how they are sent. */
import type { Logger } from 'pino'
import { AddressGuard } from '../outside/address-guard.ts'
import { type CallbackBody, CallbackCalls } from '../callbacks/callback-calls.ts'
import { keptSecret } from '../callbacks/secret-file.ts'
import { keyOf } from '../callbacks/signature.ts'
import type { Config } from '../config/config.ts'
import { readVersion } from '../config/version.ts'
import type { CallbackQueued, JobNotice } from '../domain/messages.ts'
import { MaapCallbackBodies, maapCallbackRule } from '../rest/dialects/maap/callbacks.ts'
import { DIALECT as MAAP } from '../rest/dialects/maap/entry-mapping.ts'
import { StepReports } from '../rest/dialects/maap/step-reports.ts'
import { ogcCallbackRule, OgcCallbackBodies } from '../rest/dialects/ogc/callbacks.ts'
import { DIALECT as OGC } from '../rest/dialects/ogc/job-mapping.ts'
import { JobResults } from '../rest/jobs/job-results.ts'
import { ResultEvents } from '../rest/jobs/result-events.ts'
import { DEFAULT_REST_LIMITS } from '../rest/limits.ts'
import type { Closing } from '../runtime/closing.ts'
import { systemClock, systemTimers } from '../runtime/clock.ts'
import type { CallbackRule } from '../stages/notifier/callback-delivery.ts'
import type { Connections } from './connections.ts'
import { resultTopicsOf } from './result-topics.ts'

export const callbackRules: Readonly<Record<string, CallbackRule>> = { [OGC]: ogcCallbackRule, [MAAP]: maapCallbackRule }

type BodyOf = (callback: CallbackQueued, notice: JobNotice) => Promise<CallbackBody>

interface CallbackParts {
  readonly config: Config
  readonly connections: Connections
  readonly logger: Logger
  readonly closing: Closing
}

export function callbackCalls({ config, connections, logger, closing }: CallbackParts): CallbackCalls {
  const secret = config.callbackSecret === '' ? keptSecret(config.dataFolder, (file) => {
    logger.info({ file }, 'DATAJOB_CALLBACK_SECRET is empty: a secret that callbacks are signed with was made')
  }) : config.callbackSecret
  const bodies = bodiesByDialect(connections, closing)
  const calls = new CallbackCalls({
    guard: new AddressGuard(config.callbackAllowedAddresses, 'DATAJOB_CALLBACK_ALLOWED_ADDRESSES'),
    key: keyOf(secret),
    timeoutMs: config.callbackTimeoutMs,
    retryAfterMsMax: config.callbackDelayMaxMs,
    userAgent: `datajob/${readVersion()}`,
    clock: systemClock,
    bodyOf: async (callback) => {
      const bodyOf = bodies[callback.dialect]
      if (bodyOf === undefined) throw new Error(`this build has no bodies for callbacks of the dialect "${callback.dialect}"`)
      return bodyOf(callback, await noticeOf(callback, connections))
    },
  })
  closing.later('callbacks', () => calls.close())
  return calls
}

async function noticeOf({ notice }: CallbackQueued, { codec }: Connections): Promise<JobNotice> {
  const decoded = await codec.decode(Buffer.from(notice), ['JobNotice'])
  if (!decoded.ok) throw new Error(decoded.cause)
  return decoded.message
}

function bodiesByDialect(connections: Connections, closing: Closing): Readonly<Record<string, BodyOf>> {
  const { topics, inventory } = connections
  const resultTopics = resultTopicsOf(connections, closing)
  const events = new ResultEvents({
    ...{ admin: connections.admin, resultTopics, clock: systemClock, timers: systemTimers, limits: DEFAULT_REST_LIMITS },
  })
  // Where this process has no read model, results are looked for from the job's creation on.
  const readModel = { subjobs: () => Promise.resolve({ items: [], next: null }) }
  const results = new JobResults({ readModel, topics }, events)
  const ogc = new OgcCallbackBodies({ results, processes: inventory.processes })
  const maap = new MaapCallbackBodies(new StepReports(results), inventory.definitions)
  return { [OGC]: (callback, notice) => ogc.of(callback, notice), [MAAP]: (_, notice) => maap.of(notice) }
}
