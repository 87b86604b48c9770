/** Why the local stack can't do what was asked; scripts may rely on the code, people read the message. */
export type StackErrorCode =
  | 'missing-requirements'
  | 'fetch-failed'
  | 'server-failed'
  | 'docker-failed'
  | 'bad-setting'
  | 'busy'

export class StackError extends Error {
  readonly code: StackErrorCode

  constructor(code: StackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StackError'
    this.code = code
  }
}
