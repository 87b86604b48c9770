/** Numbers as people read them. */

const grouping = new Intl.NumberFormat('en')

/** `12,345` */
export function formatCount(count: number): string {
  return grouping.format(count)
}

/** `1 operation`, `2,000 operations` */
export function formatNumberOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** `840 ms`, `4.2 s`, `2 min 05 s`, `3 h 07 min` */
export function formatDuration(ms: number): string {
  const rounded = Math.max(0, Math.round(ms))
  if (rounded < 1_000) return `${rounded} ms`
  if (rounded < 59_950) return `${(rounded / 1_000).toFixed(1)} s`
  if (rounded < HOUR_MS - 500) {
    const seconds = Math.round(rounded / 1_000)
    return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`
  }
  const minutes = Math.round(rounded / MINUTE_MS)
  return `${formatCount(Math.floor(minutes / 60))} h ${twoDigits(minutes % 60)} min`
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}

const byteUnits = ['kB', 'MB', 'GB', 'TB'] as const

/** `512 B`, `1.5 kB`, in powers of 1000. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  let value = bytes / 1_000
  let unit = 0
  while (value >= 999.95 && unit < byteUnits.length - 1) {
    value /= 1_000
    unit += 1
  }
  return `${value.toFixed(1)} ${byteUnits[unit] ?? ''}`
}

/** An ISO 8601 instant to the second, with a blank for the `T`: `2026-03-01 12:00:05Z`. */
export function formatInstant(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+(?=Z|[+-])/, '')
}
