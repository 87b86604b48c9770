/** What the dispatcher has done outside of Kafka, and what comes back. */
import type { DispatchSubjob, GeneratedSteps } from '../../domain/messages.ts'
import type { RoutedOperation } from '../../domain/operation.ts'
import type { CallFailure, ProducerProgress, ProducerStatus, Publication, PublicationSource, SubjobStop } from '../../domain/subjob.ts'
import type { OutputRecord } from '../../kafka/port.ts'
import type { KeptOperations } from '../operation-store.ts'

/** A subjob as it was dispatched, its operations kept apart. */
export type SubjobOrder = Omit<DispatchSubjob, 'called' | 'operations'>

export interface Call {
  readonly subjobId: string
  readonly run: number
  /** Which attempt of the run it belongs to; what comes back for another one is too late. */
  readonly attempt: number
  readonly dispatch: SubjobOrder
  readonly operations: KeptOperations
}

export type DispatcherEffect =
  | (Call & { readonly type: 'SubmitSubjob' })
  | (Call & { readonly type: 'PollSubjob'; readonly dataProducerJobId: string })
  | (Call & { readonly type: 'CancelSubjob'; readonly dataProducerJobId: string })
  | (Call & {
      readonly type: 'PublishResult'
      readonly source: PublicationSource
      /** Since when its producer may have worked on it. */
      readonly calledSince: number
      /** What is said of operations that a producer's result does not mention, where that is known. */
      readonly unmentioned: Pick<SubjobStop, 'code' | 'message'> | null
    })

export interface Reply {
  readonly subjobId: string
  readonly run: number
  readonly attempt: number
}

export type DispatcherCompletion =
  | (Reply & { readonly type: 'Submitted'; readonly dataProducerJobId: string })
  | (Reply & {
      readonly type: 'Polled'
      readonly status: ProducerStatus
      /** Left out where the producer says nothing of it. */
      readonly progress?: ProducerProgress | undefined
    })
  /** The producer was asked to stop; whether it did is seen from its status. */
  | (Reply & { readonly type: 'CancelAnswered'; readonly again: boolean })
  | (Reply & { readonly type: 'CallFailed'; readonly failure: CallFailure; readonly retryAfterMs: number })
  | (Reply & {
      readonly type: 'Published'
      readonly records: readonly OutputRecord[]
      readonly publication: Publication
      /** What was reported as failed, for another run. */
      readonly failedOperations: readonly RoutedOperation[]
      /** What the subjob has yielded where it is a step that does, and succeeded. */
      readonly generated: GeneratedSteps | null
    })
  | (Reply & { readonly type: 'SinkFailed'; readonly failure: CallFailure })
