import { type Destination, formatDestination } from './destination.ts'
import { jobId } from './ids.ts'
import type { JobFacts } from './job.ts'
import { type CommandPlace, jobNumber } from './job-number.ts'
import type { SubmitJob } from './messages.ts'
import { validTraceparent } from './traceparent.ts'

/** What the record of a command on its home partition adds to what the client said. */
export interface AcceptedAt extends CommandPlace {
  readonly timestampMs: number
}

/** The facts that a submission with an id becomes. Whoever reads the same record comes to the same facts. */
export function acceptedFacts(
  submission: SubmitJob & { readonly jobId: string },
  record: AcceptedAt,
  settled: { readonly destination: Destination; readonly attemptsMaxDefault: number },
): JobFacts {
  const { tenant, dialect, dialectData, kind, dataAcceptType, dataContentType, priority, labels } = submission
  const { deadlineAt, submittedBy, traceparent, digest, strict, parts, callbacks, held } = submission
  return {
    jobId: jobId(submission.jobId),
    number: jobNumber(record),
    destination: formatDestination(settled.destination),
    attemptsMax: submission.attemptsMax ?? settled.attemptsMaxDefault,
    createdAt: submission.createdAt ?? record.timestampMs,
    ...{ tenant, dialect, dialectData, kind, dataAcceptType, dataContentType, priority, labels },
    ...{ deadlineAt, submittedBy, traceparent: validTraceparent(traceparent), digest },
    ...{ strict, parts, submission: submission.submission, callbacks, held },
  }
}
