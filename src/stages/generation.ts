/** How what a step yields is read: a dialect's own affair, told the dispatcher before anyone is shown the step's result. */
import type { GeneratedSteps } from '../domain/messages.ts'
import type { RoutedOperation } from '../domain/operation.ts'
import type { OutputRecord } from '../kafka/port.ts'

/** An operation that was done, and what its producer says of it. */
export interface DoneOperation {
  /** The dialect's own data of the job. */
  readonly dialectData: string | null
  readonly operation: RoutedOperation
  /** JSON. */
  readonly response: Buffer
}

/** What an operation has yielded, or why it counts as failed. */
export type Generation =
  | { readonly ok: false; readonly message: string }
  | {
      readonly ok: true
      /** No operations: nothing was yielded. */
      readonly steps: Pick<GeneratedSteps, 'source' | 'operations' | 'groups'>
      /** Written in the transaction that ends the step. */
      readonly records: readonly OutputRecord[]
    }

/** The same of the same operation and response, however often it is asked. */
export type Generate = (done: DoneOperation) => Promise<Generation>
