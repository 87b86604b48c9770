/** How clients are told what became of their jobs. Part of settings.ts. */
import { isAddressRange } from './address-range.ts'
import { list, text, wholeNumber } from './setting.ts'

const SECRET = /^(?:whsec_(?:[A-Za-z0-9+/]{4}){6,}[A-Za-z0-9+/]{0,4}={0,2}|(?!whsec_)[\x21-\x7e]{24,512}|)$/

export const callbackSettings = {
  callbackAllowedAddresses: list('DATAJOB_CALLBACK_ALLOWED_ADDRESSES', {
    ...{ fallback: [], limits: 'IP addresses, or ranges of them in CIDR notation, separated by commas', unit: 'addresses' },
    accepts: isAddressRange,
    description:
      'Where callbacks may go beside the internet. Private, loopback, link-local and all other special addresses are refused, whatever ' +
      'name leads to them, unless they are named here.',
  }),
  callbackSecret: text('DATAJOB_CALLBACK_SECRET', {
    ...{ fallback: '', pattern: SECRET, secret: true },
    limits: '`whsec_` and base64 of 24 bytes or more, or 24 to 512 visible characters, or empty',
    description:
      'What callbacks are signed with. Where it is empty, each process makes one and keeps it in its data folder: with several ' +
      'processes, set it.',
  }),
  callbackTimeoutMs: wholeNumber('DATAJOB_CALLBACK_TIMEOUT_MS', {
    ...{ fallback: 15_000, min: 100, max: 600_000, unit: 'ms' },
    description: 'How long a callback may take, from the connection to the end of the answer.',
  }),
  callbackDelayMinMs: wholeNumber('DATAJOB_CALLBACK_DELAY_MIN_MS', {
    ...{ fallback: 1_000, min: 1, max: 3_600_000, unit: 'ms' },
    description: 'Bound of the random wait after the first failure of a callback; it doubles with each further one.',
  }),
  callbackDelayMaxMs: wholeNumber('DATAJOB_CALLBACK_DELAY_MAX_MS', {
    ...{ fallback: 600_000, min: 2, max: 24 * 3_600_000, unit: 'ms' },
    description: 'The largest bound of the random wait after a failure, and the longest that Retry-After can ask for.',
  }),
  callbackTryForMs: wholeNumber('DATAJOB_CALLBACK_TRY_FOR_MS', {
    ...{ fallback: 24 * 3_600_000, min: 0, max: 7 * 24 * 3_600_000, unit: 'ms' },
    description: 'How long a callback that fails is tried again, from what it speaks of on; then it goes to the dead letters.',
  }),
  callbacksInFlightMax: wholeNumber('DATAJOB_CALLBACKS_IN_FLIGHT_MAX', {
    ...{ fallback: 16, min: 1, max: 1_000, unit: 'callbacks' },
    description: 'Callbacks that one lane has under way at a time; a single host gets a quarter.',
  }),
  callbacksPerJobMax: wholeNumber('DATAJOB_CALLBACKS_PER_JOB_MAX', {
    ...{ fallback: 5_000, min: 1, max: 1_000_000, unit: 'callbacks' },
    description: 'Callbacks of one job that wait to be delivered; more go to the dead letters.',
  }),
  callbacksWaitingMax: wholeNumber('DATAJOB_CALLBACKS_WAITING_MAX', {
    ...{ fallback: 20_000, min: 1, max: 1_000_000, unit: 'callbacks' },
    description: 'Callbacks that wait in one lane before it takes in no more of what there is to tell.',
  }),
} as const
