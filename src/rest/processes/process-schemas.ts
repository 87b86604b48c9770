/** What processes declare of their inputs and outputs, read once for each description. */
import type { OfferedProcess } from '../../inventory/process-index.ts'
import { type DeclaredInput, ProcessInputs } from './process-inputs.ts'

type Declarations = Readonly<Record<string, DeclaredInput>>

/** Checks that are kept; compiling one takes some milliseconds. */
const KEPT_MAX = 1_000

export class ProcessSchemas {
  readonly #kept = new Map<string, ProcessInputs>()

  /** Throws UnusableSchema for a description that came by the topic, past all checks. */
  inputsOf(process: Pick<OfferedProcess, 'description'>): ProcessInputs {
    const known = this.#kept.get(process.description)
    if (known !== undefined) return known
    const inputs = new ProcessInputs(declaredIn(process).inputs)
    const oldest = this.#kept.keys().next()
    if (this.#kept.size >= KEPT_MAX && oldest.done !== true) this.#kept.delete(oldest.value)
    this.#kept.set(process.description, inputs)
    return inputs
  }
}

export interface Declared {
  readonly inputs: Declarations
  readonly outputs: Declarations
}

export function declaredIn({ description }: Pick<OfferedProcess, 'description'>): Declared {
  const { inputs, outputs } = JSON.parse(description) as { readonly inputs?: unknown; readonly outputs?: unknown }
  return { inputs: declarationsIn(inputs), outputs: declarationsIn(outputs) }
}

// One without a schema takes anything.
function declarationsIn(value: unknown): Declarations {
  if (typeof value !== 'object' || value === null) return {}
  const entries = Object.entries(value).map(([name, each]: [string, unknown]): [string, DeclaredInput] => {
    const declared = typeof each === 'object' && each !== null ? (each as Partial<DeclaredInput>) : {}
    return [name, { ...declared, schema: declared.schema ?? {} }]
  })
  return Object.fromEntries(entries)
}
