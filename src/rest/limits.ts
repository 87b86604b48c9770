/** Bounds of the REST facade. The operator may set those that depend on the machine; see src/config. */
export interface RestLimits {
  /** Bytes of a job's body. */
  readonly jobBodyBytesMax: number
  /** Bytes of any other body, and of memory that is made for one at once. */
  readonly bodyBytesMax: number
  /** How long a client may take to send a job. */
  readonly uploadTimeoutMs: number
  /** Jobs that are larger than a record and are being taken at a time. */
  readonly uploadsMax: number
  /** Bytes that those have on disk, all together. */
  readonly uploadBytesMax: number
  /** Bytes of memory that jobs hold while they come in, all together. */
  readonly uploadMemoryBytesMax: number
  /** Bytes of a large job's operations that are sorted by producer at a time. */
  readonly uploadWindowBytesMax: number
  /** Bytes of a job's command as a record's value: with key and headers under the broker's own limit of 1,048,588. */
  readonly commandBytesMax: number
  /** Bytes of a registration's body: 50,000 handles are about 15 MB. */
  readonly inventoryBodyBytesMax: number
  /** Jobs that are being written to Kafka at a time; the next one is told to come back. */
  readonly submissionsInFlightMax: number
  readonly connectionsMax: number
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs: number
  /** How long Kafka or the object store may take to answer, until the client is told to come back. */
  readonly backendTimeoutMs: number
  /** How long a request waits for the read model to reach what was written before it. */
  readonly catchUpTimeoutMs: number
  /** How long a request waits for the end of an execution, until it is answered as one that does not. */
  readonly syncWaitMs: number
  /** Requests that wait so at a time; others are answered at once. */
  readonly syncWaitsMax: number
  /** Processes that a workspace may have deployed. */
  readonly processesMax: number
  /** Bytes of the document of a definition, such as an algorithm: a part of a record. */
  readonly definitionBytesMax: number
  /** Bytes of all documents of one kind, which every process holds in memory. */
  readonly definitionsBytesMax: number
  /** How long a DMI service may take to say whether a process can run there. */
  readonly unitCheckMs: number
  /** Pages of results that are read from topics at a time. */
  readonly resultReadsMax: number
  /** Streams of events that are open at a time. */
  readonly eventStreamsMax: number
  /** Requests to the object store for one page of objects: a page of many jobs with nothing in the bucket ends after these. */
  readonly listingsPerPageMax: number
  /** How long a destination that was there is taken to be there still. */
  readonly destinationTtlMs: number
  /** How long it is good for what was found out about how far the read model is behind. */
  readonly lagTtlMs: number
}

export const DEFAULT_REST_LIMITS: RestLimits = {
  jobBodyBytesMax: 512 * 1024 * 1024,
  bodyBytesMax: 1024 * 1024,
  uploadTimeoutMs: 600_000,
  uploadsMax: 4,
  uploadBytesMax: 4 * 1024 * 1024 * 1024,
  uploadMemoryBytesMax: 512 * 1024 * 1024,
  uploadWindowBytesMax: 32 * 1024 * 1024,
  commandBytesMax: 1_000_000,
  inventoryBodyBytesMax: 32 * 1024 * 1024,
  submissionsInFlightMax: 1_000,
  connectionsMax: 10_000,
  requestTimeoutMs: 30_000,
  backendTimeoutMs: 10_000,
  catchUpTimeoutMs: 2_000,
  syncWaitMs: 20_000,
  syncWaitsMax: 1_000,
  processesMax: 10_000,
  definitionBytesMax: 512 * 1024,
  definitionsBytesMax: 64 * 1024 * 1024,
  unitCheckMs: 70_000,
  resultReadsMax: 16,
  eventStreamsMax: 1_000,
  listingsPerPageMax: 100,
  destinationTtlMs: 10_000,
  lagTtlMs: 1_000,
}
