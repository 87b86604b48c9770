import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sampleEnd, sampleJob, sampleStart } from '../../../test/contract/read-model.ts'
import { openTestReadModel } from '../../../test/fakes/test-read-model.ts'
import { jobId as asJobId } from '../../domain/ids.ts'
import type { Phase } from '../../domain/job.ts'
import type { Message, SubjobEventMessage, SubmitJob } from '../../domain/messages.ts'
import type { InputRecord } from '../../kafka/port.ts'
import type { ReadModel } from '../../read-model/port.ts'
import { changeOf, changeOfTombstone, type ProjectedTopic, type ProjectionRules } from './projector-changes.ts'

interface Entry {
  readonly topic: ProjectedTopic
  readonly record: InputRecord
  readonly message: Message | null
}

const JOB_IDS = ['a', 'b', 'c']
const rules: ProjectionRules = {
  homePartition: () => 0,
  destinations: { bareNameIs: 'topic', topicPrefix: 'datajob.' },
  submissions: { operationsMax: 100, pathLengthMax: 100 },
  attemptsMax: 3,
}

/** What became of one job in the order of time: how often it is submitted, how far it came, whether it was forgotten. */
const histories = fc.record({
  jobId: fc.constantFrom(...JOB_IDS),
  submissions: fc.integer({ min: 1, max: 3 }),
  subjobs: fc.array(fc.constantFrom('started', 'failed once', 'ended'), { maxLength: 3 }),
  phases: fc.integer({ min: 0, max: 4 }),
  isForgotten: fc.boolean(),
})

type History = typeof histories extends fc.Arbitrary<infer Value> ? Value : never

/** The three logs that the histories leave behind, each in its order. Times grow, as they do between an end and retention. */
function logsOf(all: readonly History[]): readonly (readonly Entry[])[] {
  const logs: Record<ProjectedTopic, Entry[]> = { commands: [], jobs: [], subjobEvents: [] }
  let timestampMs = 0
  const append = (topic: ProjectedTopic, jobId: string, message: Message | null): void => {
    timestampMs += 1
    const place = { topic, partition: 0, offset: logs[topic].length, timestampMs }
    logs[topic].push({ topic, record: { ...place, key: Buffer.from(jobId), value: null, headers: {} }, message })
  }
  for (const { jobId, submissions, subjobs, phases, isForgotten } of all) {
    for (let n = 0; n < submissions; n += 1) {
      append('commands', jobId, submissionOf(jobId, `${n}`))
    }
    for (const phase of phasesOf(phases)) append('jobs', jobId, { type: 'JobChanged', job: sampleJob({ id: jobId, digest: '0' }, phase) })
    for (const [index, fate] of subjobs.entries()) {
      for (const event of eventsOf(index, fate)) append('subjobEvents', jobId, { ...event, jobId: asJobId(jobId) })
    }
    if (isForgotten) append('jobs', jobId, null)
  }
  return Object.values(logs)
}

function submissionOf(jobId: string, digest: string): SubmitJob {
  const { tenant, dialect, dialectData, kind, destination, dataAcceptType, dataContentType, priority, labels, createdAt } = sampleJob()
  return {
    ...{ type: 'SubmitJob', jobId, tenant, dialect, dialectData, kind, destination, dataAcceptType, dataContentType },
    ...{ priority, labels, deadlineAt: null, attemptsMax: null, submittedBy: null, traceparent: null, digest, createdAt },
    operations: [{ operationId: 1, op: 'read', path: '/a=1', value: null, options: null }],
    dependencies: [],
    groups: [],
    ...{ strict: false, authorization: null, submission: null, parts: 0, operationCount: 0, callbacks: {}, held: false },
  }
}

function phasesOf(count: number): readonly Phase[] {
  const all: readonly Phase[] = [
    { state: 'accepted' },
    { state: 'running', startedAt: 5 },
    { state: 'concluding', startedAt: 5, outcome: 'succeeded' },
    { state: 'ended', startedAt: 5, outcome: 'succeeded', finishedAt: 9 },
  ]
  return all.slice(0, count)
}

function eventsOf(index: number, fate: string): readonly SubjobEventMessage[] {
  const failed = { ...{ number: 1, worker: 'w', startedAt: 1, endedAt: 2 }, outcome: 'failed', code: 102, message: 'away' } as const
  if (fate === 'started') return [sampleStart(index)]
  if (fate === 'ended') return [sampleStart(index), sampleEnd(index), sampleEnd(index)]
  const report = { type: 'SubjobAttemptFailed', jobId: 'job-1', index, run: 1, attempt: failed, retryAt: 3 } as const
  return [sampleStart(index), report, sampleStart(index, 2)]
}

async function apply(model: ReadModel, entries: readonly Entry[]): Promise<void> {
  const changes = entries.map(({ topic, record, message }) =>
    message === null ? changeOfTombstone(topic, record) : changeOf(topic, record, message, rules),
  )
  await model.apply({ changes: changes.filter((change) => change !== null), positions: [] })
}

async function rowsOf(model: ReadModel): Promise<unknown> {
  const { items } = await model.jobs({}, { limit: 100, after: null })
  const subjobs = await Promise.all(JOB_IDS.map((jobId) => model.subjobs(jobId, { limit: 100, after: null })))
  return { items: [...items].sort((one, other) => one.jobId.localeCompare(other.jobId)), subjobs }
}

function merge(logs: readonly (readonly Entry[])[], choices: readonly number[]): readonly Entry[] {
  const left = logs.map((log) => [...log])
  const merged: Entry[] = []
  for (let n = 0; left.some((log) => log.length > 0); n += 1) {
    const open = left.filter((log) => log.length > 0)
    const next = open[(choices[n % choices.length] ?? 0) % open.length]?.shift()
    if (next !== undefined) merged.push(next)
  }
  return merged
}

const worlds = fc.uniqueArray(histories, { selector: (history) => history.jobId, maxLength: 3 })
const orders = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 40 })

describe('the projection', () => {
  it('comes to the same rows whichever topic is read ahead of the others', async () => {
    const property = fc.asyncProperty(worlds, orders, orders, async (world, order, otherOrder) => {
      const [one, other] = [openTestReadModel(), openTestReadModel()]
      await apply(one, merge(logsOf(world), order))
      await apply(other, merge(logsOf(world), otherOrder))
      expect(await rowsOf(one)).toEqual(await rowsOf(other))
      await Promise.all([one.close(), other.close()])
    })
    await fc.assert(property, { numRuns: 100 })
  })

  it('comes to the same rows when everything is read again from any earlier place', async () => {
    const property = fc.asyncProperty(worlds, orders, fc.nat(), async (world, order, cut) => {
      const [once, again] = [openTestReadModel(), openTestReadModel()]
      const entries = merge(logsOf(world), order)
      await apply(once, entries)
      await apply(again, entries)
      await apply(again, entries.slice(cut % (entries.length + 1)))
      expect(await rowsOf(again)).toEqual(await rowsOf(once))
      await Promise.all([once.close(), again.close()])
    })
    await fc.assert(property, { numRuns: 100 })
  })

  it('comes to the same rows in batches of any size', async () => {
    const property = fc.asyncProperty(worlds, orders, fc.integer({ min: 1, max: 7 }), async (world, order, size) => {
      const [whole, parts] = [openTestReadModel(), openTestReadModel()]
      const entries = merge(logsOf(world), order)
      await apply(whole, entries)
      for (let first = 0; first < entries.length; first += size) await apply(parts, entries.slice(first, first + size))
      expect(await rowsOf(parts)).toEqual(await rowsOf(whole))
      await Promise.all([whole.close(), parts.close()])
    })
    await fc.assert(property, { numRuns: 100 })
  })
})
