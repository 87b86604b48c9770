/**
 * Where results go: a topic or a bucket. Both sinks report every operation of a subjob exactly once, whatever its producer
 * answered, and both come to the same again when they are asked again.
 */
import type { PublishedObject } from '../domain/assignment.ts'
import type { Job } from '../domain/job.ts'
import type { RoutedOperation } from '../domain/operation.ts'
import type { ResponseCode } from '../domain/response-code.ts'
import type { OutputRecord } from '../kafka/port.ts'
import type { KeptBody } from './kept-body.ts'

/** The subjob whose results are published. */
export interface SubjobToPublish {
  readonly jobId: string
  readonly index: number
  /** 1, and one more each time that what failed of it is tried again. */
  readonly run: number
  /** Empty where no producer was asked. */
  readonly service: string
  /** The bare name of the topic or bucket. */
  readonly destination: string
  readonly traceparent: string | null
  readonly operations: readonly RoutedOperation[]
  /** What is said of operations that a result does not mention; null where nothing is known about why. */
  readonly unmentioned: { readonly code: ResponseCode; readonly message: string } | null
}

/** What a producer says about one operation. */
export interface OperationResponse {
  readonly operationId: string | number
  /** Undefined where the producer gave none. */
  readonly statusCode: number | undefined
  /** The response as it came: valid JSON. */
  readonly raw: Buffer
}

type Responses = AsyncIterable<OperationResponse> | Iterable<OperationResponse>

/** What there is to publish. */
export type ResultSource =
  /** `body` is what the responses are read from; a body that needs no change is published as it is. */
  | { readonly type: 'responses'; readonly responses: Responses; readonly body: KeptBody }
  /** The same for every operation. */
  | { readonly type: 'failure'; readonly code: ResponseCode; readonly message: string }
  | OpaqueSource

/** One value for the whole subjob; all of its operations were done. None when no bytes come. */
export interface OpaqueSource {
  readonly type: 'opaque'
  /** `json`: reading it fails unless it is one JSON document. `text`: it is UTF-8, and small. */
  readonly format: 'json' | 'text' | 'binary'
  /** As the producer named it; empty where it did not. */
  readonly contentType: string
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface PublishedResults {
  /** Records to write in the transaction that ends the subjob; none where the results are in an object. */
  readonly records: readonly OutputRecord[]
  readonly object: PublishedObject | null
  readonly succeeded: number
  readonly failed: number
  /** Those that failed, in the subjob's order. */
  readonly failedOperations: readonly RoutedOperation[]
  /** Responses left out: they were for operations of another subjob, or for one that had its response already. */
  readonly foreign: number
  /** Why operations failed that the producer did not speak about, as one sentence; null when it spoke about all. */
  readonly message: string | null
}

export interface JobConclusion {
  readonly job: Extract<Job, { readonly state: 'concluding' }>
  /** The bare name of the topic or bucket. */
  readonly destination: string
  /** What was stored in the bucket, ordered by subjob; empty for a topic. */
  readonly objects: readonly StoredObject[]
}

export interface StoredObject extends PublishedObject {
  readonly subjob: number
  readonly operations: number
}

export interface Sink {
  /** How many bytes of a producer's body {@link KeptBody} should keep, so that one that needs no change is published as it is. */
  readonly bodyBytesMax: number
  /** Whether the topic or bucket is there. Throws SinkFailure. */
  destinationExists(name: string): Promise<boolean>
  /**
   * Throws SinkFailure, or what the source's responses fail with. Nothing can be seen at the destination then, and whoever
   * gave the source closes it.
   */
  publish(subjob: SubjobToPublish, source: ResultSource): Promise<PublishedResults>
  /** The last word on a job; the records are to be written in the transaction that ends it. Throws SinkFailure. */
  conclude(conclusion: JobConclusion): Promise<readonly OutputRecord[]>
}

/** The destination does not take what was written: `retry`, it may later; `reject`, it never will as things are. */
export class SinkFailure extends Error {
  override readonly name = 'SinkFailure'
  readonly disposition: 'retry' | 'reject'
  /** The server's or the system's own name for what is wrong. */
  readonly code: string

  constructor(message: string, details: { disposition: 'retry' | 'reject'; code: string; cause?: unknown }) {
    super(message, { cause: details.cause })
    this.disposition = details.disposition
    this.code = details.code
  }
}
