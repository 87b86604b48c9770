type Listener = () => void

/**
 * Who has to be told when a signal is aborted. A signal of a lane is one for all that the lane has under way, and an EventTarget walks
 * the list of its listeners whenever one comes or goes: so there is one listener for each signal, whoever comes and goes behind it.
 */
export class AbortListeners {
  readonly #bySignal = new WeakMap<AbortSignal, Set<Listener>>()

  /** The signal must not be aborted yet. The same function counts once. */
  add(signal: AbortSignal, listener: Listener): void {
    const known = this.#bySignal.get(signal)
    if (known !== undefined) {
      known.add(listener)
      return
    }
    const listeners = new Set([listener])
    this.#bySignal.set(signal, listeners)
    signal.addEventListener('abort', () => { for (const each of listeners) each() }, { once: true })
  }

  delete(signal: AbortSignal, listener: Listener): void {
    this.#bySignal.get(signal)?.delete(listener)
  }
}
