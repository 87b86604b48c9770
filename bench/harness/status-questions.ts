/** The jobs of the scenario `status`, and what is asked about them. */
const EPOCH_MS = Date.UTC(2026, 0, 1)
const STATUSES = ['FINISHED', 'FAILED', 'PARTIALLY_FAILED', 'RUNNING']

export const JOBS = '/ranoam/cm/v1/dataJob'

export function jobIdOf(n: number): string {
  return `recorded-${n}`
}

/** A second lies between two jobs. */
export function createdAtOf(n: number): number {
  return EPOCH_MS + n * 1_000
}

export function instantOf(n: number): string {
  return new Date(createdAtOf(n)).toISOString()
}

export function destinationOf(n: number): string {
  return `kafka:results-${n % 10}`
}

/** Of `count` jobs, one, or a page of those that satisfy one to three filters. */
export function questionOf(n: number, count: number): string {
  const at = (n * 7_919) % count
  if (n % 2 === 0) return `${JOBS}/${jobIdOf(at)}`
  const filters = [`status=${STATUSES[n % STATUSES.length] ?? ''}`, `destination=${destinationOf(n)}`, `createdAfter=${instantOf(at)}`]
  return `${JOBS}?limit=20&${filters.slice(0, 1 + (n % 3)).join('&')}`
}
