/** How a client prefers to be answered (RFC 7240; OGC 18-062r2, 7.11.2.3). */
import type { ExecutionMode } from '../../../domain/inventory-messages.ts'

export interface Preferences {
  readonly respondAsync: boolean
  /** Seconds that it would wait; null where it does not say. */
  readonly waitS: number | null
}

export function preferencesOf(header: string | readonly string[] | undefined): Preferences {
  const given = [header ?? []].flat().join(',').toLowerCase().split(/[,;]/).map((each) => each.trim())
  const wait = given.map((each) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(each)?.[1]).find((seconds) => seconds !== undefined)
  return { respondAsync: given.includes('respond-async'), waitS: wait === undefined ? null : Number(wait) }
}

/** A process that knows one mode only is executed in it, whatever is preferred. */
export function modeFor(modes: readonly ExecutionMode[], { respondAsync }: Preferences): ExecutionMode {
  const preferred = respondAsync ? 'async' : 'sync'
  return modes.includes(preferred) ? preferred : (modes[0] ?? 'async')
}
