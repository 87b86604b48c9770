/** What a dialect's clients have defined: written to the inventory topic, and found in what was read of it. */
import type { DefinitionRegistered } from '../domain/inventory-messages.ts'
import type { DefinitionPage, DefinitionPlace } from '../inventory/definition-index.ts'
import { definitionKey } from '../inventory/inventory.ts'
import type { ServerDependencies } from './dependencies.ts'
import { Refusal } from './errors.ts'
import type { InventoryWriter } from './inventory-writer.ts'

export interface DefinitionsOptions {
  readonly deps: Pick<ServerDependencies, 'definitions' | 'handles' | 'limits' | 'clock'>
  readonly writer: InventoryWriter
  readonly place: DefinitionPlace
}

/** What is registered; the document is an object. */
export interface NewDefinition extends Pick<DefinitionRegistered, 'id' | 'service'> {
  readonly document: object
  readonly paused?: boolean
}

export class Definitions {
  readonly #options: DefinitionsOptions

  constructor(options: DefinitionsOptions) {
    this.#options = options
  }

  /** Resolves once it is durable and known here. Throws a 413 where it, or all together, would be too large; as InventoryWriter.write. */
  async register({ id, document, service, paused = false }: NewDefinition): Promise<DefinitionRegistered> {
    const { deps, place, writer } = this.#options
    const { definitionBytesMax, definitionsBytesMax } = deps.limits
    const text = JSON.stringify(document)
    const bytes = Buffer.byteLength(text)
    if (bytes > definitionBytesMax) throw new Refusal(413, `The body makes ${bytes} bytes, and may have ${definitionBytesMax}`)
    if (deps.definitions.bytes(place) + bytes > definitionsBytesMax) throw tooMany(place, definitionsBytesMax)
    const registeredAt = this.known(id)?.registeredAt ?? deps.clock.now()
    const definition: DefinitionRegistered = { type: 'DefinitionRegistered', ...place, id, document: text, service, registeredAt, paused }
    await writer.write([{ key: definitionKey(place, id), message: definition }])
    return definition
  }

  /** One that is missing may just have been registered through another instance, and is waited for. */
  async find(id: string): Promise<DefinitionRegistered | undefined> {
    const { deps } = this.#options
    const known = this.known(id)
    if (known !== undefined) return known
    await deps.handles.caughtUp(deps.limits.catchUpTimeoutMs)
    return this.known(id)
  }

  /** The newest first. */
  list(page: DefinitionPage): readonly DefinitionRegistered[] {
    return this.#options.deps.definitions.list(this.#options.place, page)
  }

  /** What is known of it already. */
  known(id: string): DefinitionRegistered | undefined {
    return this.#options.deps.definitions.find(this.#options.place, id)
  }
}

function tooMany({ kind, dialect }: DefinitionPlace, bytesMax: number): Refusal {
  const details = 'An operator can remove records from the inventory topic.'
  return new Refusal(413, `All ${kind} of ${dialect} together may have ${bytesMax} bytes, and this one is beyond that`, { details })
}
