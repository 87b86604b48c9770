/**
 * Who wants to be told is told: of each change of a job, and each report of its subjobs; each callback at least once, or it is set aside;
 * those of a line one after the other; none once it is over with.
 */
import { type Job, type JobState, jobTransitions } from '../../src/domain/job.ts'
import type { JobNotice, SubjobReport, SubmitJob } from '../../src/domain/messages.ts'
import type { InputRecord } from '../../src/kafka/port.ts'
import { DEAD_LETTER_HEADERS } from '../../src/kafka/turn-recorder.ts'
import type { DueCallback } from '../../src/stages/notifier/callback-delivery.ts'
import { type ExpectedCommands, placeOf } from './accepted-jobs.ts'
import { CALLBACK_RULES } from './callback-rules.ts'
import { allMessagesOn } from './check-calls.ts'
import { differences } from './differences.ts'
import { decode } from './service.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

export function violationsInCallbacks(world: World, commands: ExpectedCommands, jobs: readonly Job[]): readonly string[] {
  const notices = noticesOf(world)
  const due = dueCallbacks(notices)
  return [
    ...jobs.flatMap((job) => {
      const { jobId } = job
      const own = notices.flatMap(({ notice }) => (notice.job.jobId === jobId ? [notice] : []))
      return [...addresses(job, commands), ...toldOf(world, job, { submission: commands.accepted.get(jobId), notices: own })]
    }),
    ...deliveries(world, due),
  ]
}

/** Those of its submission, and of the releases that have changed anything. */
function addresses({ jobId, callbacks }: Job, commands: ExpectedCommands): readonly string[] {
  const named = (of: Job['callbacks']): readonly string[] => Object.entries(of).map(([name, url]) => `${name} ${url}`)
  return differences(`callbacks of job ${jobId}`, named(commands.callbacks.get(jobId) ?? {}), named(callbacks))
}

interface Told {
  readonly submission: SubmitJob | undefined
  readonly notices: readonly JobNotice[]
}

interface PlacedNotice {
  readonly notice: JobNotice
  readonly place: string
  readonly at: number
}

function noticesOf({ broker }: World): readonly PlacedNotice[] {
  return broker.logsOf(TOPICS.callbacks).flatMap((log) =>
    log.committed().flatMap((record) => {
      const decoded = decode(record)
      if (!decoded.ok || decoded.message.type !== 'JobNotice') return []
      return [{ notice: decoded.message, place: placeOf(record), at: record.timestampMs }]
    }),
  )
}

/** Each notice goes on from where the one before it ended, and the last says how it is. */
function toldOf(world: World, job: Job, { submission, notices }: Told): readonly string[] {
  if (Object.keys(job.callbacks).length === 0) return []
  const violations: string[] = []
  // Of one that got its callbacks with a release, what was before that is not told.
  const isToldFromTheStart = Object.keys(submission?.callbacks ?? {}).length > 0
  let before = isToldFromTheStart ? null : notices[0]?.previous
  if (before === null && !isToldFromTheStart) violations.push(`job ${job.jobId}: told that it was accepted`)
  for (const { previous, job: after, report } of notices) {
    const step = `${previous ?? 'none'} → ${after.state}`
    if (before !== previous) violations.push(`job ${job.jobId}: told ${step} after ${before ?? 'nothing'}`)
    if (report === null && !mayFollow(previous, after.state)) violations.push(`job ${job.jobId}: told ${step}`)
    before = after.state
  }
  if (before !== undefined && before !== job.state) violations.push(`job ${job.jobId} is ${job.state}, last told ${before ?? 'nothing'}`)
  if (before === undefined && job.state === 'ended') violations.push(`job ${job.jobId} has ended, and nothing was told`)
  const yielded = new Set<string>()
  const reports = allMessagesOn(world, TOPICS.subjobEvents).flatMap(({ message }) => {
    const isReport = message.type === 'SubjobStarted' || message.type === 'SubjobAttemptFailed' || message.type === 'SubjobEnded'
    if (!isReport || message.jobId !== job.jobId) return []
    const name = reportName(message)
    // It is the first word that is told; the second is the coordinator's own.
    if (message.type === 'SubjobEnded' && message.generated !== null) yielded.add(name)
    else if (yielded.has(name)) return []
    return [name]
  })
  const told = notices.flatMap(({ report }) => (report === null ? [] : [reportName(report)]))
  const expected = isToldFromTheStart ? reports : reports.slice(reports.length - told.length)
  if (expected.join() !== told.join()) {
    const differ = differences(`reports told of job ${job.jobId}`, expected, told)
    violations.push(...(differ.length > 0 ? differ : [`job ${job.jobId}: reports were told in another order`]))
  }
  return violations
}

// In one turn it may go several steps, and only where it is after that is told.
function mayFollow(previous: JobState | null, state: JobState): boolean {
  const nexts = (from: JobState | 'none'): readonly JobState[] => Object.values(jobTransitions[from])
  const first = nexts(previous ?? 'none')
  return previous !== state && (first.includes(state) || first.some((next) => nexts(next).includes(state)))
}

function reportName(report: SubjobReport): string {
  const attempt = report.type === 'SubjobAttemptFailed' ? ` ${report.attempt.number} ${report.retryAt === null ? 'for good' : 'again'}` : ''
  return `${report.type} ${report.index} in run ${report.run}${attempt}`
}

interface Due extends DueCallback {
  readonly jobId: string
  readonly place: string
  /** Others of its job that were due before. */
  readonly behind: number
  /** When its notice was written. */
  readonly at: number
}

function dueCallbacks(notices: readonly PlacedNotice[]): readonly Due[] {
  const perJob = new Map<string, number>()
  return notices.flatMap(({ notice, place, at }) => {
    const { jobId, dialect } = notice.job
    return (CALLBACK_RULES[dialect]?.(notice) ?? []).map((due) => {
      const behind = perJob.get(jobId) ?? 0
      perJob.set(jobId, behind + 1)
      return { ...due, jobId, place, behind, at }
    })
  })
}

function deliveries(world: World, due: readonly Due[]): readonly string[] {
  const { arrivals, sendings } = world.receiver
  const ids = new Set(due.map(({ id }) => id))
  const twice = ids.size < due.length ? ['two callbacks have one id'] : []
  const letters = lettersOf(world)
  const madeUp = [...sendings.map(({ callback }) => callback.id), ...letters.map(({ id }) => id)].filter((id) => !ids.has(id))
  const untold = due.flatMap(({ id }) => {
    const isTaken = arrivals.some(({ callback, outcome }) => callback.id === id && outcome === 'delivered')
    return isTaken || letters.some((letter) => letter.id === id) ? [] : [`callback ${id} was neither delivered nor set aside`]
  })
  const lines = Map.groupBy(due, ({ line }) => line)
  return [
    ...twice,
    ...madeUp.map((id) => `callback ${id} was made up`),
    ...untold,
    ...due.flatMap((each) => [...contents(world, each), ...patience(world, each), ...setAside(world, each, letters)]),
    ...[...lines.values()].flatMap((line) => inTurn(world, line.map(({ id }) => id), letters)),
  ]
}

interface Letter {
  readonly id: string
  readonly url: string
  readonly cause: string
  readonly place: string
  readonly at: number
}

function lettersOf({ broker }: World): readonly Letter[] {
  return broker.logsOf(TOPICS.deadLetters).flatMap((log) => log.committed().flatMap(letterIn))
}

function letterIn({ headers, timestampMs }: InputRecord): readonly Letter[] {
  const { datajob_callback_id: id, datajob_callback_url: url = '' } = headers
  if (id === undefined) return []
  const { topic, partition, offset, cause } = DEAD_LETTER_HEADERS
  const place = `${headers[topic]}-${headers[partition]}-${headers[offset]}`
  return [{ id, url, cause: headers[cause] ?? '', place, at: timestampMs }]
}

/** However often it is sent, it goes to one address, and speaks of one notice. */
function contents({ receiver }: World, { id, url, kind, place }: Due): readonly string[] {
  return receiver.sendings.flatMap(({ callback }) => {
    if (callback.id !== id) return []
    const isSame = callback.url === url && callback.kind === kind && placeOf({ ...callback, topic: TOPICS.callbacks }) === place
    return isSame ? [] : [`callback ${id} of ${place} was sent to ${callback.url} as ${callback.kind}`]
  })
}

// One that had to wait for others is tried once even then; a crash may leave a try, or its failure, unknown.
const LATE_TRIES_MAX = 6

/** It is not tried for much longer than it is to be, as far as clocks can tell. */
function patience({ receiver, settings, areClocksTrue }: World, { id, at: noticedAt }: Due): readonly string[] {
  const until = noticedAt + settings.callbackTryForMs
  const late = receiver.sendings.filter(({ callback, at }) => callback.id === id && at > until)
  return areClocksTrue && late.length > LATE_TRIES_MAX ? [`callback ${id} was tried ${late.length} times when it was to be given up`] : []
}

/** It is set aside once, and for a reason. */
function setAside({ receiver, settings }: World, { id, url, place, behind }: Due, letters: readonly Letter[]): readonly string[] {
  const own = letters.filter((letter) => letter.id === id)
  return own.flatMap((letter, at) => {
    if (at > 0) return [`callback ${id} was set aside more than once`]
    if (letter.url !== url || letter.place !== place) return [`callback ${id} was set aside as one to ${letter.url} of ${letter.place}`]
    const isRefused = receiver.arrivals.some(({ callback, outcome }) => callback.id === id && outcome === 'refused')
    const isSent = receiver.sendings.some(({ callback }) => callback.id === id)
    const triedForMs = Number(/tried for (\d+) ms/.exec(letter.cause)?.[1] ?? -1)
    const hasReason = (isRefused && letter.cause.endsWith('it answered 410')) ||
      (isSent && triedForMs >= settings.callbackTryForMs) ||
      (behind >= settings.callbacksPerJobMax && letter.cause.includes('callbacks waiting already'))
    return hasReason ? [] : [`callback ${id} was set aside without a reason: ${letter.cause}`]
  })
}

/** One is sent when all before it in its line are over with, and not any more once it is itself. */
function inTurn(world: World, line: readonly string[], letters: readonly Letter[]): readonly string[] {
  const answeredAt = new Map<string, number>()
  const say = (id: string, at: number): void => {
    answeredAt.set(id, Math.min(at, answeredAt.get(id) ?? Infinity))
  }
  for (const { callback, outcome, at } of world.receiver.arrivals) if (outcome !== 'failed') say(callback.id, at)
  for (const { id, at } of letters) say(id, at)
  const overAt = new Map<string, number>(forgottenAt(world))
  let furthest = -1
  return world.receiver.sendings.flatMap(({ callback: { id }, process, at, isExcused }) => {
    const place = line.indexOf(id)
    if (place === -1 || isExcused) return []
    const before = line.slice(0, place).filter((other) => (answeredAt.get(other) ?? Infinity) > at)
    const violations = before.map((other) => `${process} sent callback ${id} while ${other} had neither been taken nor set aside`)
    if (place < furthest) violations.push(`${process} sent callback ${id} after ${line[furthest]!}`)
    if ((overAt.get(id) ?? Infinity) < at) violations.push(`${process} sent callback ${id}, which was over with`)
    furthest = Math.max(furthest, place)
    return violations
  })
}

/** When each was deleted from the changelog, as far as compaction has left that. */
function forgottenAt({ broker }: World): readonly (readonly [string, number])[] {
  return broker.logsOf(TOPICS.notifierChangelog).flatMap((log) =>
    log.committed().flatMap(({ key, value, timestampMs }) => (value === null ? [[key?.toString() ?? '', timestampMs] as const] : [])),
  )
}

