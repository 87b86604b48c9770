/**
 * Keeps warnings from the screen that nobody who runs this program can act on, by their exact cause. All others are
 * shown as Node shows them.
 */

interface KnownWarning {
  readonly name: string
  /** What the message says; one name may stand for things that matter and things that don't. */
  readonly message: RegExp
}

// What we are built on, knowingly. Which of the two a Node 24 says depends on how late a 24 it is.
const known: readonly KnownWarning[] = [
  { name: 'ExperimentalWarning', message: /^Type Stripping is an experimental feature/ },
  { name: 'ExperimentalWarning', message: /^SQLite is an experimental feature/ },
  // From kafkajs, where src/kafka/kafkajs/amendments.ts does not reach: it sets a timer for the year 1970.
  { name: 'TimeoutNegativeWarning', message: /^-\d{13} is a negative number/ },
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
