/** What the watchdog finds and does, said once: each event is one log line and one metric. */
import type { Logger } from 'pino'
import type { Stall, Standstill } from '../runtime/watchdog.ts'
import type { StageMetrics } from './metrics.ts'

export interface WatchdogEvents {
  standstill(found: Standstill): void
  stall(found: Stall): void
}

const consequences = {
  wait: 'stands still, and Kafka does not answer: it is let wait',
  restart: 'stands still: it is begun anew',
  exit: 'stands still again and again: the process ends',
} as const

export function observeWatchdog(
  logger: Logger,
  { standstills, eventLoopStalls }: Pick<StageMetrics, 'standstills' | 'eventLoopStalls'>,
): WatchdogEvents {
  return {
    standstill: ({ waiting: { kind, subject, waitsFor }, waitedMs, verdict }) => {
      standstills.inc({ kind, consequence: verdict })
      const level = verdict === 'exit' ? 'fatal' : verdict === 'restart' ? 'error' : 'warn'
      logger[level]({ subject, waitsFor, waitedMs: Math.round(waitedMs), consequence: verdict }, `${subject} ${consequences[verdict]}`)
    },
    stall: ({ ms, cause, verdict }) => {
      eventLoopStalls.inc({ cause })
      const what = cause === 'blocked' ? 'the event loop was blocked' : 'the process was not let run'
      const level = verdict === 'exit' ? 'fatal' : 'warn'
      logger[level]({ ms: Math.round(ms), cause }, verdict === 'exit' ? `${what} again and again: the process ends` : what)
    },
  }
}
