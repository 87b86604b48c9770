/** What must have become of the commands in the log, worked out without the coordinator. */
import { checkCallbacks } from '../../src/domain/callbacks.ts'
import type { Job } from '../../src/domain/job.ts'
import type { JobCommandMessage, SubmitJob } from '../../src/domain/messages.ts'
import { checkSubmission } from '../../src/domain/submission.ts'
import type { InputRecord } from '../../src/kafka/port.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import { FORWARDED_HEADER } from '../../src/stages/coordinator/forwarding.ts'
import { jobChanges } from './job-changes.ts'
import { decode } from './service.ts'
import { DESTINATIONS, SUBMISSION_LIMITS, TOPICS } from './settings.ts'
import { NO_SUBJOB } from './workload.ts'
import type { World } from './world.ts'

/** What begins a job that was submitted to be held; times are those at which commands were there to be read. */
export interface Holding {
  /** Of all that was not released before: the release, or that it is cancelled; null where neither comes. */
  readonly beginning: { readonly by: 'ReleaseJob' | 'CancelJob'; readonly at: number } | null
  /** Subjobs that are released before all the others are, by their indexes. */
  readonly pieces: ReadonlyMap<number, number>
}

export interface ExpectedCommands {
  /** The job that holds each id: the first valid command for it at its home. */
  readonly accepted: ReadonlyMap<string, SubmitJob>
  /** Where the client of each of them wants to be told of what, in the end. */
  readonly callbacks: ReadonlyMap<string, SubmitJob['callbacks']>
  /** Of each accepted job that was submitted to be held. */
  readonly held: ReadonlyMap<string, Holding>
  /** Jobs that were held after they were submitted, and not released or cancelled since. */
  readonly paused: ReadonlySet<string>
  /** Subjobs that were to be cancelled by themselves. */
  readonly stopped: ReadonlySet<string>
  /** Places of commands that are set aside. */
  readonly setAside: ReadonlySet<string>
  /** Places of commands that are sent to their home. */
  readonly forwarded: ReadonlySet<string>
  /** The places that forwarded commands say they came from. */
  readonly arrivedFrom: readonly string[]
}

export function expectedCommands(world: World): ExpectedCommands {
  const { broker, settings } = world
  const accepted = new Map<string, SubmitJob>()
  const callbacks = new Map<string, SubmitJob['callbacks']>()
  const held = new Map<string, Holding>()
  const paused = new Set<string>()
  const stopped = new Set<string>()
  const setAside = new Set<string>()
  const forwarded = new Set<string>()
  const arrivedFrom: string[] = []
  const take = (command: Command, place: string, at: number): void => {
    const { jobId, message } = command
    const known = accepted.get(jobId)
    if (message.type === 'SubmitJob') {
      if (known === undefined) {
        accepted.set(jobId, message)
        callbacks.set(jobId, message.callbacks)
        if (message.held) held.set(jobId, { beginning: null, pieces: new Map() })
      } else if (known.digest !== message.digest) setAside.add(place)
    } else if (known === undefined) {
      setAside.add(place)
    } else if (message.type === 'AddOperations' && known.submission === message.submission) {
      accepted.set(jobId, { ...known, operations: [...known.operations, ...message.operations] })
    } else if (message.type === 'CancelJob' && message.subjobs !== null) {
      if (message.subjobs.includes(NO_SUBJOB)) setAside.add(place)
      for (const index of message.subjobs) stopped.add(`${jobId}/${index}`)
    } else if (message.type === 'HoldJob') {
      paused.add(jobId)
    } else if (message.type === 'CancelJob') {
      paused.delete(jobId)
      const holding = held.get(jobId)
      if (holding?.beginning === null) held.set(jobId, { ...holding, beginning: { by: 'CancelJob', at } })
    } else if (message.type === 'ReleaseJob') {
      paused.delete(jobId)
      const merged = { ...callbacks.get(jobId), ...message.callbacks }
      const total = message.subjobs === null ? 0 : subjobsOf(world, jobId)
      const before = held.get(jobId)
      if (checkCallbacks(merged) !== null || message.subjobs?.some((index) => index >= total) === true) {
        setAside.add(place)
      } else if (before?.beginning === null) {
        const after = released(before, { subjobs: message.subjobs, total, at })
        held.set(jobId, after)
        if (after !== before) callbacks.set(jobId, merged)
      }
    }
  }
  for (const log of broker.logsOf(TOPICS.commands)) {
    for (const record of log.committed()) {
      const place = placeOf(record)
      const from = record.headers[FORWARDED_HEADER]
      if (from !== undefined) arrivedFrom.push(from)
      const command = commandIn(record)
      if (command === null) setAside.add(place)
      else if (partitionOfKey(command.jobId, settings.partitions) === record.partition) take(command, place, record.timestampMs)
      else if (from === undefined) forwarded.add(place)
      else setAside.add(place)
    }
  }
  return { accepted, callbacks, held, paused, stopped, setAside, forwarded, arrivedFrom }
}

/** Whether the job need not end, for nobody has released it. */
export function staysHeld({ jobId, held: isHeld }: Pick<Job, 'jobId' | 'held'>, { held, paused }: ExpectedCommands): boolean {
  return isHeld && (held.get(jobId)?.beginning === null || paused.has(jobId))
}

/** How often each of its operations may be tried in a run. */
export function triesMax({ groups }: SubmitJob): number {
  return 1 + Math.max(0, ...groups.map(({ retries }) => retries))
}

/** Infinity as long as it has not been split. */
function subjobsOf(world: World, jobId: string): number {
  return jobChanges(world).find(([job]) => job?.jobId === jobId)?.at(-1)?.subjobs.total ?? Infinity
}

function released(
  before: Holding,
  { subjobs, total, at }: { readonly subjobs: readonly number[] | null; readonly total: number; readonly at: number },
): Holding {
  if (subjobs === null) return { ...before, beginning: { by: 'ReleaseJob', at } }
  const added = subjobs.filter((index) => !before.pieces.has(index))
  if (added.length === 0) return before
  const pieces = new Map([...added.map((index) => [index, at] as const), ...before.pieces])
  return pieces.size < total ? { ...before, pieces } : { ...before, beginning: { by: 'ReleaseJob', at } }
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
    case 'AbandonJob':
      return { jobId: message.jobId, message: { ...message, type: 'CancelJob', subjobs: null } }
    case 'CancelJob':
    case 'RetryJob':
    case 'HoldJob':
    case 'ReleaseJob':
      return { jobId: message.jobId, message }
    default:
      return null
  }
}
