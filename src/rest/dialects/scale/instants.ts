import { clip, Refusal } from '../../errors.ts'
import { parseInstant } from '../../instant.ts'

const DURATION = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/
const UNITS_MS = [604_800_000, 86_400_000, 3_600_000, 60_000, 1_000]

/** Milliseconds since the epoch: of an ISO 8601 date-time, or of that duration before `now`. Throws a 400. */
export function momentOf(name: string, text: string, now: number): number {
  const epochMs = parseInstant(text)
  if (epochMs !== null) return epochMs
  const parts = /\d/.test(text) && !text.endsWith('T') ? DURATION.exec(text) : null
  if (parts !== null) return now - UNITS_MS.reduce((sum, unit, at) => sum + unit * Number(parts[at + 1] ?? 0), 0)
  const details = 'It is an ISO 8601 date-time with its zone such as 2015-01-01T00:00:00Z, or a duration of weeks or less such as PT3H0M0S.'
  throw new Refusal(400, `${name}: "${clip(text)}" is no time`, { details })
}
