/** What an answer over HTTP says of asking again. */

// RFC 9110, 5.6.7: the preferred form of an HTTP date, and the two obsolete ones that recipients must accept as well.
const PREFERRED = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/

/**
 * How long a `Retry-After` (RFC 9110, 10.2.3: seconds or an HTTP date) asks to wait, in milliseconds from `now`, never
 * longer than `msMax`. Undefined when there is none or it can't be read: then it asks for nothing.
 */
export function retryAfterMs(header: string | undefined, now: number, msMax: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : httpDate(text) - now
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), msMax)
}

/** 408 Request Timeout, 429 Too Many Requests, and every 5xx; a redirect is as final as a client error. */
export function mayRetryStatus(httpStatus: number): boolean {
  return httpStatus === 408 || httpStatus === 429 || httpStatus >= 500
}

function httpDate(text: string): number {
  if (PREFERRED.test(text) || RFC_850.test(text)) return Date.parse(text)
  return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN
}
