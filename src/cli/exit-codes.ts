/** What a script learns from how a command ended. Documented for people in `datajob help exit-codes`. */
export const ExitCode = {
  Ok: 0,
  JobFailed: 1,
  Usage: 2,
  NotFound: 3,
  Unreachable: 4,
  Timeout: 5,
  /** EX_SOFTWARE of sysexits.h. */
  Defect: 70,
  /** EX_TEMPFAIL of sysexits.h. */
  Stuck: 75,
  /** 128 + SIGINT, as shells have it. */
  Interrupted: 130,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [ExitCode.Ok, 'done, and as it was wanted'],
  [ExitCode.JobFailed, 'the job failed, in whole or in part, was cancelled, or a check did not hold'],
  [
    ExitCode.Usage,
    'wrong use: an option, a file, a setting or a request that is refused; something missing on this machine',
  ],
  [ExitCode.NotFound, 'there is no such job, topic, bucket or object'],
  [
    ExitCode.Unreachable,
    'the service, Kafka, the schema registry or the object store cannot be reached or cannot answer',
  ],
  [ExitCode.Timeout, 'the time given with --timeout was over first'],
  [ExitCode.Defect, 'datajob itself is at fault; please report what it printed'],
  [ExitCode.Stuck, 'the service stood still and did not come to itself: start it again'],
  [ExitCode.Interrupted, 'interrupted with Ctrl-C'],
]

/** A command can't do what it was asked. The message says what is wrong and what to do, without a stack trace. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly exitCode: ExitCode
  /** What to do about it. */
  readonly hint: string | null

  constructor(exitCode: ExitCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.exitCode = exitCode
    this.hint = options.hint ?? null
  }
}
