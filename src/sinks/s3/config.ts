export interface S3SinkConfig {
  /** `http(s)://host:port`, without a path. */
  readonly endpoint: string
  readonly region: string
  readonly accessKey: string
  readonly secretKey: string
  /** What is in memory of an object under way, and the size of its parts; S3 takes none below 5 MiB but the last. */
  readonly partBytes: number
  /** The largest body that is stored as it came, not above `partBytes`; of a larger one only the responses are. */
  readonly bodyBytesMax: number
  /** The longest silence within a request, in milliseconds. */
  readonly requestTimeoutMs: number
  /** The same within the one that puts an object together from its parts: of a large one, stores are silent for minutes. */
  readonly assemblyTimeoutMs: number
  /** How long a bucket that was there is taken to be there still, in milliseconds. */
  readonly bucketKnownMs: number
}

export const s3SinkDefaults: Omit<S3SinkConfig, 'endpoint' | 'region' | 'accessKey' | 'secretKey'> = {
  partBytes: 5 * 1024 * 1024,
  bodyBytesMax: 1024 * 1024,
  requestTimeoutMs: 30_000,
  assemblyTimeoutMs: 600_000,
  bucketKnownMs: 30_000,
}
