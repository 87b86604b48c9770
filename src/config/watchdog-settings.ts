/** After how long what stands still is no longer waited for. Part of settings.ts. */
import { wholeNumber } from './setting.ts'

export const watchdogSettings = {
  progressTimeoutMs: wholeNumber('DATAJOB_PROGRESS_TIMEOUT_MS', {
    ...{ fallback: 60_000, min: 1_000, max: 3_600_000, unit: 'ms' },
    description:
      'How long a lane may stand still with work to do, and a consumer may not read what is there, before it is begun anew; ' +
      'when that did not help twice, the process ends with 75. Not while Kafka is away.',
  }),
  effectTimeoutMs: wholeNumber('DATAJOB_EFFECT_TIMEOUT_MS', {
    ...{ fallback: 4 * 3_600_000, min: 1_000, max: 7 * 24 * 3_600_000, unit: 'ms' },
    description: 'After how long a call or a publication that has not come to any end is taken for lost, and its lane begun anew.',
  }),
  eventLoopTimeoutMs: wholeNumber('DATAJOB_EVENT_LOOP_TIMEOUT_MS', {
    ...{ fallback: 60_000, min: 1_000, max: 3_600_000, unit: 'ms' },
    description: 'How long a process may compute without looking at anything else before it is killed (SIGKILL).',
  }),
} as const
