/**
 * Keeps warnings from the screen that nobody who runs this program can act on, by their exact cause. All others are shown
 * as Node shows them.
 */

interface KnownWarning {
  readonly name: string
  /** What the message says; one name may stand for things that matter and things that don't. */
  readonly message: RegExp
}

const known: readonly KnownWarning[] = [
  // kafkajs subtracts the time from "not throttled" (-1) for the timer that looks after its request queue. Node makes that
  // 1 ms, which is what kafkajs sets where it counts; nothing that can be configured avoids it.
  { name: 'TimeoutNegativeWarning', message: /is a negative number/ },
  // What we are built on, knowingly. Node 24 says the one up to 24.11, the other until node:sqlite is declared stable.
  { name: 'ExperimentalWarning', message: /^Type Stripping is an experimental feature/ },
  { name: 'ExperimentalWarning', message: /^SQLite is an experimental feature/ },
]

/** Where Node sends its warnings through: `process`, except in tests. */
export interface WarningSource {
  emitWarning: (warning: string | Error, ...details: never[]) => void
}

/** From now on the known warnings are dropped. Called once, before anything is loaded that would cause them. */
export function silenceKnownWarnings(source: WarningSource): void {
  const emit = source.emitWarning.bind(source)
  source.emitWarning = (warning, ...details) => {
    if (!isKnown(warning, details)) emit(warning, ...details)
  }
}

function isKnown(warning: string | Error, [details]: readonly unknown[]): boolean {
  const message = typeof warning === 'string' ? warning : warning.message
  const name = typeof warning === 'string' ? nameOf(details) : warning.name
  return known.some((each) => each.name === name && each.message.test(message))
}

// Node takes the name as the second argument, or as a member of an object there.
function nameOf(details: unknown): unknown {
  if (typeof details === 'object' && details !== null && 'type' in details) return details.type
  return details
}
