/** Whether trying the same again may help: the adapter says so, or nobody knows what happened. */
export function mayWorkLater(error: unknown): boolean {
  return error instanceof Error && 'disposition' in error && (error.disposition === 'retry' || error.disposition === 'restart')
}
