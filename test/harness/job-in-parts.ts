import { randomUUID } from 'node:crypto'
import { SubmissionDigest } from '../../src/codec/digest.ts'
import type { Message, SubmitJob } from '../../src/domain/messages.ts'
import type { JobKind } from '../../src/domain/operation.ts'
import { operationBytes, type Operation } from '../../src/domain/operation.ts'
import type { OutputRecord } from '../../src/kafka/port.ts'

export interface JobInParts {
  readonly jobId: string
  readonly kind: JobKind
  readonly destination: string | null
  readonly operations: Iterable<Operation>
}

export interface CommandTopic {
  readonly topic: string
  readonly encode: (message: Message) => Buffer
}

// With what the record has beside its operations it stays below a megabyte.
const PART_BYTES_MAX = 880_000

/** A job's command and the records with its operations, to be written in one transaction as src/domain/messages.ts says. */
export function recordsOf(job: JobInParts, commands: CommandTopic): readonly OutputRecord[] {
  const submission = randomUUID()
  const digest = new SubmissionDigest()
  const parts: OutputRecord[] = []
  let operations: Operation[] = []
  let bytes = 0
  let count = 0
  const record = (message: Message): OutputRecord => ({ topic: commands.topic, key: job.jobId, value: commands.encode(message) })
  const endPart = (): void => {
    parts.push(record({ type: 'AddOperations', submission, part: parts.length, authorization: null, operations }))
    operations = []
    bytes = 0
  }
  for (const operation of job.operations) {
    const size = operationBytes(operation)
    if (bytes + size > PART_BYTES_MAX) endPart()
    operations.push(operation)
    bytes += size
    count += 1
    digest.add(operation)
  }
  endPart()
  const { jobId, kind, destination } = job
  const dataType = 'application/json'
  const asked = {
    ...{ tenant: 'default', kind, destination, dataAcceptType: dataType, dataContentType: dataType },
    ...{ dependencies: [], groups: [], strict: false },
  }
  const command: SubmitJob = {
    ...{ type: 'SubmitJob', jobId, dialect: 'kafka', dialectData: null, priority: 100, labels: {}, deadlineAt: null, attemptsMax: null },
    ...{ submittedBy: null, traceparent: null, createdAt: null, operations: [], authorization: null },
    ...asked,
    ...{ digest: digest.finish(asked), submission, parts: parts.length, operationCount: count, callbacks: {}, held: false },
  }
  return [record(command), ...parts]
}
