/** Instants as clients read and write them: ISO 8601 in UTC with milliseconds. */

// What ECMAScript can tell apart: 100 million days to either side of 1970.
const EPOCH_MS_MAX = 8.64e15

/** Such as `2025-11-22T04:19:00.250Z`; takes milliseconds since the epoch, and what is beyond all dates as the last one. */
export function formatInstant(epochMs: number): string {
  return new Date(Math.min(EPOCH_MS_MAX, Math.max(-EPOCH_MS_MAX, epochMs))).toISOString()
}

// Without a zone an instant would mean another moment on every server.
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/

/** Milliseconds since the epoch; null for anything but a full ISO 8601 date and time with a zone. */
export function parseInstant(text: string): number | null {
  const epochMs = INSTANT.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(epochMs) ? null : epochMs
}
