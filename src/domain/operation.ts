/** One thing to do on one managed object. */
export interface Operation {
  /** The client's own name for it, reported back exactly once; its type (number or text) is kept. */
  readonly operationId: string | number
  readonly op: OperationKind
  /** The managed object's fully distinguished name as it came, possibly with `#attribute` or `#action` at its end. */
  readonly path: string
  /** JSON text, handed on untouched. */
  readonly value: string | null
  /** JSON text of an object with a read's extras (attributes, fields, filter, scopeType, scopeLevel), handed on untouched. */
  readonly options: string | null
}

export const READ_OPERATIONS = ['read'] as const
export const WRITE_OPERATIONS = ['add', 'merge', 'replace', 'remove', 'action'] as const
export type OperationKind = (typeof READ_OPERATIONS)[number] | (typeof WRITE_OPERATIONS)[number]

export const JOB_KINDS = ['READ', 'WRITE'] as const
export type JobKind = (typeof JOB_KINDS)[number]

/** An operation with what the inventory adds to it for the producer's plugin. */
export interface RoutedOperation extends Operation {
  readonly moduleSetTag: string
}

const legalOperations: Record<JobKind, readonly string[]> = { READ: READ_OPERATIONS, WRITE: WRITE_OPERATIONS }

export function operationsOf(kind: JobKind): readonly string[] {
  return legalOperations[kind]
}

// What an operation takes on the wire beside its variable texts: the member names, quotes and a module set tag.
const OPERATION_OVERHEAD_BYTES = 160

/** About how many bytes the operation takes in a record or a request; never much too small. */
export function operationBytes(operation: Operation): number {
  return (
    OPERATION_OVERHEAD_BYTES +
    String(operation.operationId).length +
    textBytesMax(operation.path) +
    (operation.value === null ? 0 : textBytesMax(operation.value)) +
    (operation.options === null ? 0 : textBytesMax(operation.options))
  )
}

// ASCII is the rule in paths and values; the exact count costs a pass only where it is not.
function textBytesMax(text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    if (text.charCodeAt(i) > 0x7f) return text.length * 3
  }
  return text.length
}
