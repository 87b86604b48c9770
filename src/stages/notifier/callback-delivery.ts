/** What the notifier asks a dialect, what it asks for, and what comes back. */
import type { CallbackQueued, JobNotice } from '../../domain/messages.ts'

/** Something that a client is to be told. */
export interface DueCallback {
  /** Made of the job's id, its run and what happened: the same for the same notice, and for no other. */
  readonly id: string
  /** What is of one line is delivered one after the other. */
  readonly line: string
  readonly url: string
  /** The dialect's own word for what is sent. */
  readonly kind: string
}

/** A dialect's rule: pure. */
export type CallbackRule = (notice: JobNotice) => readonly DueCallback[]

export interface DeliverCallback {
  readonly type: 'DeliverCallback'
  readonly callback: CallbackQueued
}

export interface CallbackTried {
  readonly id: string
  readonly line: string
  readonly outcome: DeliveryOutcome
}

export type DeliveryOutcome =
  | { readonly type: 'delivered' }
  /** It never will be. */
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'failed'; readonly message: string; readonly retryAfterMs: number }
