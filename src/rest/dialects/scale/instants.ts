import { clip, Refusal } from '../../errors.ts'
import { parseInstant } from '../../instant.ts'

const DATE_UNITS = String.raw`(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?`
const TIME_UNITS = String.raw`(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,10}(?:\.\d+)?)S)?`
const DURATION = new RegExp(`^P${DATE_UNITS}(?:T${TIME_UNITS})?$`)
const MONTHS_OF_YEAR = 12
/** Of those that are of the same length always: weeks to seconds. */
const UNITS_MS = [604_800_000, 86_400_000, 3_600_000, 60_000, 1_000]

/** Milliseconds since the epoch: of an ISO 8601 date-time, or of that duration before `now`. Throws a 400. */
export function momentOf(name: string, text: string, now: number): number {
  const epochMs = parseInstant(text)
  if (epochMs !== null) return epochMs
  const parts = /\d/.test(text) && !text.endsWith('T') ? DURATION.exec(text) : null
  if (parts !== null) {
    const [years = 0, months = 0, ...others] = parts.slice(1).map((part: string | undefined) => Number(part ?? 0))
    return UNITS_MS.reduce((at, unit, position) => at - unit * (others[position] ?? 0), monthsBefore(now, MONTHS_OF_YEAR * years + months))
  }
  const details = 'It is an ISO 8601 date-time with its zone such as 2015-01-01T00:00:00Z, or a duration such as P1M or PT3H0M0S.'
  throw new Refusal(400, `${name}: "${clip(text)}" is no time`, { details })
}

/** In UTC; the day is the month's last one where it has not so many. */
function monthsBefore(epochMs: number, months: number): number {
  const date = new Date(epochMs)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() - months)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  return date.setUTCDate(Math.min(day, last))
}
