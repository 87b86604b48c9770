/** Calls to DMI services: how many at a time, how long, how often. Part of settings.ts. */
import { wholeNumber } from './setting.ts'

export const pluginCallSettings = {
  callsInFlightMax: wholeNumber('DATAJOB_CALLS_IN_FLIGHT_MAX', {
    ...{ fallback: 256, min: 1, max: 10_000, unit: 'calls' },
    description:
      'Calls to DMI services that one process has under way at a time. A single service gets a quarter, less where many hang, and one ' +
      'that has not answered yet a single call; a quarter is left to services that answer within a second.',
  }),
  pluginConnectionsMax: wholeNumber('DATAJOB_PLUGIN_CONNECTIONS_MAX', {
    ...{ fallback: 512, min: 2, max: 20_000, unit: 'connections' },
    description:
      'Connections to DMI services that one process has open at a time, to all of them together. Beyond it, those that have not been ' +
      'used for the longest time are closed.',
  }),
  callTimeoutMs: wholeNumber('DATAJOB_CALL_TIMEOUT_MS', {
    ...{ fallback: 30_000, min: 100, max: 600_000, unit: 'ms' },
    description: 'How long a submission, status or cancellation may take.',
  }),
  callFailuresMax: wholeNumber('DATAJOB_CALL_FAILURES_MAX', {
    ...{ fallback: 8, min: 1, max: 1_000, unit: 'calls' },
    description: 'Failed status or result calls in a row that end an attempt.',
  }),
} as const
