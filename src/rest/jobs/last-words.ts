const LAST_WORDS_MAX = 500

/** The last line of what a command of an exec producer wrote to stderr; empty where the result is of none. */
export function lastWords(result: unknown): string {
  const { stderr } = (result ?? {}) as { readonly stderr?: { readonly text?: unknown } }
  const text = typeof stderr?.text === 'string' ? stderr.text.trim() : ''
  return text.slice(text.lastIndexOf('\n') + 1).slice(0, LAST_WORDS_MAX)
}
