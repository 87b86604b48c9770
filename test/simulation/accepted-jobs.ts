/** What must have become of the commands in the log, worked out without the coordinator. */
import type { JobCommandMessage, SubmitJob } from '../../src/domain/messages.ts'
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
  const take = (command: Command, place: string): void => {
    const { jobId, message } = command
    const known = accepted.get(jobId)
    if (message.type === 'SubmitJob') {
      if (known === undefined) accepted.set(jobId, message)
      else if (known.digest !== message.digest) setAside.add(place)
    } else if (known === undefined) {
      setAside.add(place)
    } else if (message.type === 'AddOperations' && known.submission === message.submission) {
      accepted.set(jobId, { ...known, operations: [...known.operations, ...message.operations] })
    }
  }
  for (const log of broker.logsOf(TOPICS.commands)) {
    for (const record of log.committed()) {
      const place = placeOf(record)
      const from = record.headers[FORWARDED_HEADER]
      if (from !== undefined) arrivedFrom.push(from)
      const command = commandIn(record)
      if (command === null) setAside.add(place)
      else if (partitionOfKey(command.jobId, settings.partitions) === record.partition) take(command, place)
      else if (from === undefined) forwarded.add(place)
      else setAside.add(place)
    }
  }
  return { accepted, setAside, forwarded, arrivedFrom }
}

export function placeOf({ topic, partition, offset }: Pick<InputRecord, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}-${partition}-${offset}`
}

interface Command {
  readonly jobId: string
  readonly message: JobCommandMessage
}

function commandIn(record: InputRecord): Command | null {
  const decoded = decode(record)
  if (!decoded.ok) return null
  const { message } = decoded
  switch (message.type) {
    case 'SubmitJob': {
      const submission = { ...message, jobId: message.jobId ?? placeOf(record) }
      return checkSubmission(submission, DESTINATIONS, SUBMISSION_LIMITS).ok ? { jobId: submission.jobId, message: submission } : null
    }
    case 'AddOperations':
      return { jobId: record.key?.toString() ?? '', message }
    case 'CancelJob':
    case 'RetryJob':
      return { jobId: message.jobId, message }
    default:
      return null
  }
}
