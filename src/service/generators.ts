/** Which dialects' jobs have steps that yield others, and how these are read. */
import type { Generators } from '../effects/generations.ts'
import { definitionKey } from '../inventory/inventory.ts'
import { DIALECT as DAGGY } from '../rest/dialects/daggy/base.ts'
import { daggyGenerate } from '../rest/dialects/daggy/generation.ts'
import { DEFAULT_REST_LIMITS } from '../rest/limits.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Connections } from './connections.ts'

export function generatorsOf({ inventory, codec, topics }: Connections): Generators {
  const limits = DEFAULT_REST_LIMITS
  return {
    [DAGGY]: daggyGenerate({
      definitions: inventory.definitions,
      // Where Kafka says nothing now, it is looked for all the same.
      caughtUp: () => inventory.caughtUp(limits.catchUpTimeoutMs).catch(() => false),
      recordOf: (definition) => {
        return { topic: topics.inventory, key: definitionKey(definition, definition.id), value: codec.encode(definition) }
      },
      limits,
      clock: systemClock,
    }),
  }
}
