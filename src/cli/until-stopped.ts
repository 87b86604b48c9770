/** How a program that runs until it is told to stop hears of that. */

export interface Stopped {
  /** Resolves when the process is to stop. */
  readonly first: Promise<undefined>
  /** From now on signals do what they usually do. */
  readonly release: () => void
}

const signals = ['SIGTERM', 'SIGINT'] as const

/**
 * Hears of SIGTERM and SIGINT; the second of them ends the process at once, with 128 and the signal's number. A process
 * that was started with a channel to its parent stops with it, too, however the parent ended.
 */
export function untilStopped(): Stopped {
  const told = Promise.withResolvers<undefined>()
  let isTold = false
  const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (isTold) process.exit(signal === 'SIGINT' ? 130 : 143)
    isTold = true
    told.resolve(undefined)
  }
  const onDisconnect = (): void => {
    isTold = true
    told.resolve(undefined)
  }
  for (const signal of signals) process.on(signal, onSignal)
  process.on('disconnect', onDisconnect)
  return {
    first: told.promise,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal)
      process.off('disconnect', onDisconnect)
      if (process.connected) process.disconnect()
    },
  }
}
