/** Where the dialect is served, and whose its jobs are (contract page "daggy dialect"). */

export const READY = '/ready'
/** Of its paths; its description lies below the list of runs. */
export const RUNS = '/v1/dagruns'
export const RUN = '/v1/dagrun'

/** It has no word for tenants. */
export const TENANT = 'default'
/** What jobs of this dialect are marked with. */
export const DIALECT = 'daggy'

/** Specifications, as definitions. */
export const SPECS = { tenant: TENANT, dialect: DIALECT, kind: 'specs' } as const
/** What generators have printed. */
export const GENERATED = { tenant: TENANT, dialect: DIALECT, kind: 'generated' } as const

/** Whether the path, without its query, is one of the dialect's. */
export function isDaggyPath(path: string): boolean {
  return path === READY || [RUNS, RUN].some((known) => path === known || path.startsWith(`${known}/`))
}
