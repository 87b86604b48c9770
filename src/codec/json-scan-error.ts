/** Why a document was refused; where, and the limit's name and value, are in the error. */
export type JsonScanErrorCode =
  | 'malformed'
  | 'truncated'
  | 'ambiguous'
  | 'element-too-large'
  | 'envelope-too-large'
  | 'too-deep'

/** A JSON document can't be read, or not within its limits. Reading the same bytes again would fail again: reject. */
export class JsonScanError extends Error {
  override readonly name = 'JsonScanError'
  readonly disposition = 'reject'
  readonly code: JsonScanErrorCode
  /** Offset in bytes from the document's start. */
  readonly position: number

  constructor(code: JsonScanErrorCode, position: number, message: string) {
    super(`${message} (at byte ${position})`)
    this.code = code
    this.position = position
  }
}
