import { describe, expect, it } from 'vitest'
import { silenceKnownWarnings } from './warnings.ts'

function recorded(
  emit: (source: { emitWarning: (warning: string | Error, details?: unknown) => void }) => void,
): unknown[] {
  const shown: unknown[] = []
  const source = {
    emitWarning: (warning: string | Error) => {
      shown.push(typeof warning === 'string' ? warning : warning.message)
    },
  }
  silenceKnownWarnings(source)
  emit(source)
  return shown
}

describe('silenceKnownWarnings', () => {
  it.each([
    ['SQLite is an experimental feature and might change at any time', 'ExperimentalWarning'],
    ['Type Stripping is an experimental feature and might change at any time', 'ExperimentalWarning'],
  ])('drops "%s"', (message, name) => {
    expect(
      recorded((source) => {
        source.emitWarning(message, name)
      }),
    ).toEqual([])
    expect(
      recorded((source) => {
        source.emitWarning(message, { type: name })
      }),
    ).toEqual([])
    expect(
      recorded((source) => {
        source.emitWarning(Object.assign(new Error(message), { name }))
      }),
    ).toEqual([])
  })

  it.each([
    ['WASI is an experimental feature and might change at any time', 'ExperimentalWarning'],
    ['SQLite is an experimental feature and might change at any time', 'DeprecationWarning'],
    ['-5 is a negative number.', 'TimeoutNegativeWarning'],
    ['Infinity does not fit into a 32-bit signed integer.', 'TimeoutOverflowWarning'],
    ['11 listeners added to [EventEmitter]', 'MaxListenersExceededWarning'],
  ])('lets "%s" through', (message, name) => {
    expect(
      recorded((source) => {
        source.emitWarning(message, name)
      }),
    ).toEqual([message])
    expect(
      recorded((source) => {
        source.emitWarning(Object.assign(new Error(message), { name }))
      }),
    ).toEqual([message])
  })
})
