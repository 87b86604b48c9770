/** What must have become of the commands in the log, worked out without the coordinator. */
import type { SubmitJob } from '../../src/domain/messages.ts'
import { checkSubmission } from '../../src/domain/submission.ts'
import type { InputRecord } from '../../src/kafka/port.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import { FORWARDED_HEADER } from '../../src/stages/forwarding.ts'
import { decode } from './service.ts'
import { DESTINATIONS, SUBMISSION_LIMITS, TOPICS } from './settings.ts'
import type { World } from './world.ts'

export interface ExpectedCommands {
  /** The job that holds each id: the first valid command for it at its home. */
  readonly accepted: ReadonlyMap<string, SubmitJob>
  /** Places of commands that are set aside. */
  readonly setAside: ReadonlySet<string>
  /** Places of commands that are sent to their home. */
  readonly forwarded: ReadonlySet<string>
  /** The places that forwarded commands say they came from. */
  readonly arrivedFrom: readonly string[]
}

export function expectedCommands({ broker, settings }: World): ExpectedCommands {
  const accepted = new Map<string, SubmitJob>()
  const setAside = new Set<string>()
  const forwarded = new Set<string>()
  const arrivedFrom: string[] = []
  for (const log of broker.logsOf(TOPICS.commands)) {
    for (const record of log.committed()) {
      const place = placeOf(record)
      const from = record.headers[FORWARDED_HEADER]
      if (from !== undefined) arrivedFrom.push(from)
      const submission = submissionIn(record)
      if (submission === null) {
        setAside.add(place)
      } else if (partitionOfKey(submission.jobId, settings.partitions) !== record.partition) {
        if (from === undefined) forwarded.add(place)
        else setAside.add(place)
      } else {
        const known = accepted.get(submission.jobId)
        if (known === undefined) accepted.set(submission.jobId, submission)
        else if (known.digest !== submission.digest) setAside.add(place)
      }
    }
  }
  return { accepted, setAside, forwarded, arrivedFrom }
}

export function placeOf({ topic, partition, offset }: Pick<InputRecord, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}-${partition}-${offset}`
}

function submissionIn(record: InputRecord): (SubmitJob & { readonly jobId: string }) | null {
  const decoded = decode(record)
  if (!decoded.ok || decoded.message.type !== 'SubmitJob') return null
  const submission = { ...decoded.message, jobId: decoded.message.jobId ?? placeOf(record) }
  return checkSubmission(submission, DESTINATIONS, SUBMISSION_LIMITS).ok ? submission : null
}
