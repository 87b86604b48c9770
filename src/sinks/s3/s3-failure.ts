import { SinkFailure } from '../sink.ts'

/** Codes of S3 that the same request would get again until a person changes something about the bucket or the job. */
const REJECTED: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccountProblem',
  'AllAccessDisabled',
  'EntityTooLarge',
  'InvalidBucketName',
  'InvalidBucketNameError',
  'InvalidBucketState',
  'InvalidObjectNameError',
  'KeyTooLongError',
  'MetadataTooLarge',
  'MethodNotAllowed',
  'NoSuchBucket',
  'QuotaExceeded',
])

/**
 * Everything else may pass: the network, an overloaded server (SlowDown, 5xx), clocks that disagree, and keys that are
 * being exchanged.
 */
export function s3Failure(error: unknown, doing: string): SinkFailure {
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  const disposition = REJECTED.has(code) ? 'reject' : 'retry'
  return new SinkFailure(`${doing}: ${code}: ${message}`, { disposition, code, cause: error })
}

/** The server's code; the name of an error that the client throws without asking the server. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' && error.code !== '' ? error.code : error.name
}
