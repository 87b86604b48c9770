/** Ctrl-C, a closed terminal, a SIGTERM: how a command that has started other things hears that it is to end. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Interruption {
  /** Resolves with the first of them. */
  readonly asked: Promise<void>
  /** From now on signals do what they usually do. */
  readonly release: () => void
}

/** With the second signal `killAll` is called, and the process ends at once. */
export function onInterruption(killAll: () => Promise<void>): Interruption {
  const asked = Promise.withResolvers<undefined>()
  let count = 0
  const onSignal = (): void => {
    count += 1
    if (count === 1) asked.resolve(undefined)
    if (count === 2) void killAll().finally(() => process.exit(130))
  }
  for (const signal of signals) process.on(signal, onSignal)
  return {
    asked: asked.promise,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
