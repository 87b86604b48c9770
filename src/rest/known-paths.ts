import type { FastifyInstance } from 'fastify'

/** Which methods a path may be called with. Fastify itself answers 404 when a known path is called the wrong way. */
export class KnownPaths {
  readonly #methods = new Map<string, Set<string>>()

  /** Learns every route that is added after this. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const known = this.#methods.get(url) ?? new Set()
      for (const each of [method].flat()) known.add(each)
      this.#methods.set(url, known)
    })
  }

  /** Empty for an unknown path. `path` is without its query. */
  methodsOf(path: string): readonly string[] {
    const segments = path.split('/')
    const found = new Set<string>()
    for (const [pattern, methods] of this.#methods) {
      if (isMatch(pattern.split('/'), segments)) for (const method of methods) found.add(method)
    }
    return [...found].sort()
  }
}

function isMatch(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length || pattern.includes('*')) return false
  return pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
}
