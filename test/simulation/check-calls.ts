/** What producers were asked to do: in order, one write after the other, the same under the same key, nothing twice in a run. */
import type { Job } from '../../src/domain/job.ts'
import type { DispatchSubjob, Message } from '../../src/domain/messages.ts'
import { type ExpectedCommands, triesMax } from './accepted-jobs.ts'
import { type HandedOver, type Sending, workOf } from './dmi.ts'
import { decode } from './service.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

export function violationsInCalls(world: World, jobs: readonly Job[], { accepted }: ExpectedCommands): readonly string[] {
  return [...writes(world), ...keys(world), ...repetitions(world, jobs, accepted), ...attempts(world), ...objects(world)]
}

interface Written {
  readonly message: Message
  readonly writtenAt: number
}

/** Committed messages of a topic, with the times at which they were written; of ends, those that count. */
export function messagesOn(world: World, topic: string): readonly Written[] {
  return allMessagesOn(world, topic).filter(({ message }) => message.type !== 'SubjobEnded' || message.generated === null)
}

/** The same, with ends that only say what is yielded, which are told once more. */
export function allMessagesOn({ broker }: World, topic: string): readonly Written[] {
  return broker.logsOf(topic).flatMap((log) =>
    log.committed().flatMap((record) => {
      const decoded = decode(record)
      return decoded.ok ? [{ message: decoded.message, writtenAt: record.timestampMs }] : []
    }),
  )
}

/** What was handed out and not given back since, in order. */
export function ordersOf(world: World): readonly DispatchSubjob[] {
  const recalls = new Map<string, number>()
  for (const { message } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type === 'SubjobRecalled') recalls.set(workOf(message.order), (recalls.get(workOf(message.order)) ?? 0) + 1)
  }
  return messagesOn(world, TOPICS.subjobs).flatMap(({ message }) => {
    if (message.type !== 'DispatchSubjob') return []
    const left = recalls.get(workOf(message)) ?? 0
    recalls.set(workOf(message), left - 1)
    return left > 0 ? [] : [message]
  })
}

/** The writes of a job at a producer, in the order in which its owner was given them: the one in which they may be sent. */
function writes(world: World): readonly string[] {
  const lines = new Map<string, string[]>()
  for (const message of ordersOf(world)) {
    if (message.kind !== 'WRITE' || !message.ordered || message.refusal !== null) continue
    const name = `${message.jobId} ${message.producerKey}`
    lines.set(name, [...(lines.get(name) ?? []), workOf(message)])
  }
  const endedAt = endsOf(world)
  return [...lines.values()].flatMap((line) => inTurn(line, world.dmi.sendings, endedAt))
}

function inTurn(line: readonly string[], sendings: readonly Sending[], endedAt: ReadonlyMap<string, number>): readonly string[] {
  const violations: string[] = []
  const sent = new Set<string>()
  let furthest = 0
  for (const { dispatch, isExcused, process, at } of sendings) {
    const work = workOf(dispatch)
    const place = line.indexOf(work)
    if (place === -1) continue
    if (!isExcused) {
      if (place < furthest) violations.push(`${process} sent ${work} after ${line[furthest]}`)
      const open = [...sent].filter((other) => other !== work && !((endedAt.get(other) ?? Infinity) <= at))
      if (open.length > 0) violations.push(`${process} sent ${work} while ${open.join(', ')} had not ended`)
    }
    furthest = Math.max(furthest, place)
    sent.add(work)
  }
  return violations
}

/** What is sent again under an idempotency key is what was sent under it before. */
function keys({ dmi }: World): readonly string[] {
  const contents = new Map<string, string>()
  return dmi.sendings.flatMap(({ dispatch }) => {
    const work = workOf(dispatch)
    const content = JSON.stringify([dispatch.producerKey, dispatch.kind, dispatch.operations])
    const before = contents.get(work) ?? content
    contents.set(work, before)
    return content === before ? [] : [`${work} was sent with ${content} and with ${before}`]
  })
}

/** Each run of a job does an operation under one key, but for what is tried again by itself. */
function repetitions({ dmi }: World, jobs: readonly Job[], accepted: ExpectedCommands['accepted']): readonly string[] {
  const works = new Map<string, Set<string>>()
  for (const { dispatch } of dmi.sendings) {
    for (const { operationId } of dispatch.operations) {
      const operation = `${dispatch.jobId} ${operationId}`
      works.set(operation, (works.get(operation) ?? new Set()).add(workOf(dispatch)))
    }
  }
  const runs = new Map<string, number>(jobs.map(({ jobId, run }) => [jobId, run]))
  return [...works].flatMap(([operation, done]) => {
    const jobId = operation.slice(0, operation.lastIndexOf(' '))
    const run = runs.get(jobId) ?? 0
    const submission = accepted.get(jobId)
    if (submission !== undefined && done.size <= run * triesMax(submission)) return []
    return [`operation ${operation} was sent as ${[...done].join(', ')} in ${run} runs`]
  })
}

/** An attempt that failed is told once, and once more if it is given up after all; the next one has the next number. */
function attempts(world: World): readonly string[] {
  const violations: string[] = []
  const failed = new Set<string>()
  for (const { message } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type === 'SubjobAttemptFailed') {
      const what = message.retryAt === null ? 'was given up' : 'failed'
      const attempt = `attempt ${message.attempt.number} at ${workOf(message)} ${what}`
      if (failed.has(attempt)) violations.push(`${attempt} more than once`)
      failed.add(attempt)
    } else if (message.type === 'SubjobEnded') {
      const numbers = message.attempts.map(({ number }) => number)
      if (numbers.some((number, at) => number !== at + 1)) violations.push(`${workOf(message)} ended after attempts ${numbers.join(', ')}`)
    }
  }
  return violations
}

/** Nobody begins to write an object of a subjob that has ended: who does must have lost its producer. */
function objects(world: World): readonly string[] {
  const endedAt = endsOf(world)
  return world.bucket.writings.flatMap(({ key, begunAt }) => {
    return begunAt > (endedAt.get(key) ?? Infinity) ? [`${key} was written, begun after its subjob had ended`] : []
  })
}

function endsOf(world: World): ReadonlyMap<string, number> {
  const endedAt = new Map<string, number>()
  for (const { message, writtenAt } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type === 'SubjobEnded') endedAt.set(workOf(message), writtenAt)
  }
  return endedAt
}

/** The operations that a producer of writes is given in the first run of a job, in the order of the job. */
export function isInOrder(dispatches: readonly HandedOver[], operationIds: readonly string[]): boolean {
  let last = -1
  for (const { operations } of dispatches) {
    for (const { operationId } of operations) {
      const at = operationIds.indexOf(String(operationId))
      if (at < last) return false
      last = at
    }
  }
  return true
}
