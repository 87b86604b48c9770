import { checkCallbacks } from '../../domain/callbacks.ts'
import type { JobFacts } from '../../domain/job.ts'
import type { JobDependencies } from '../dependencies.ts'
import { Refusal } from '../errors.ts'

interface CallbackPlace {
  /** Where the client's body holds them. */
  readonly field: string
  readonly refusalOf: JobDependencies['callbackRefusal']
}

/** Throws a 400 on addresses that nothing can be sent to, as far as that shows before their hosts are resolved. */
export function requireCallbacks(callbacks: JobFacts['callbacks'], { field, refusalOf }: CallbackPlace): void {
  const wrong = checkCallbacks(callbacks)
  if (wrong !== null) throw new Refusal(400, `${wrong.field.replace(/^callbacks/, field)}: ${wrong.message}`)
  for (const [name, url] of Object.entries(callbacks)) {
    const refusal = refusalOf(url)
    if (refusal !== null) throw new Refusal(400, `${field}.${name}: ${refusal}`)
  }
}
