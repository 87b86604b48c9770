import { beforeEach, describe, expect, it, vi } from 'vitest'
import { endedPhase, sampleEnd, sampleJob, sampleStart } from '../../../test/contract/read-model.ts'
import { openTestReadModel } from '../../../test/fakes/test-read-model.ts'
import { jsonCodec } from '../../../test/fakes/json-codec.ts'
import { ManualTime } from '../../../test/fakes/manual-time.ts'
import { MemoryTopics } from '../../../test/fakes/memory-topics.ts'
import { jobNumber } from '../../domain/job-number.ts'
import type { Message, SubmitJob } from '../../domain/messages.ts'
import type { Position } from '../../kafka/port.ts'
import { type ReadModel, ReadModelFailure } from '../../read-model/port.ts'
import { systemTimers, type Timers } from '../../runtime/clock.ts'
import { Projector, type ProjectorOptions } from './projector.ts'

const PARTITIONS = 3
const topicNames = { commands: 'commands', jobs: 'jobs', subjobEvents: 'subjob-events' }

function submission(changes: Partial<SubmitJob> = {}): SubmitJob {
  const { tenant, dialect, dialectData, kind, dataAcceptType, dataContentType, priority, labels, digest } = sampleJob()
  return {
    ...{ type: 'SubmitJob', jobId: 'job-1', tenant, dialect, dialectData, kind, destination: 'kafka:results' },
    ...{ dataAcceptType, dataContentType, priority, labels, deadlineAt: null, attemptsMax: null, submittedBy: null },
    ...{ traceparent: null, digest, createdAt: 1_000, dependencies: [], groups: [] },
    ...{ strict: false, authorization: null, submission: null, parts: 0, operationCount: 0, callbacks: {}, held: false },
    operations: [{ operationId: 1, op: 'read', path: '/a=1', value: null, options: null }],
    ...changes,
  }
}

describe('Projector', () => {
  let topics: MemoryTopics
  let model: ReadModel
  let time: ManualTime
  const failed = vi.fn<(error: Error) => void>()
  const skipped = vi.fn()
  const rebuilding = vi.fn()

  const home = (jobId: string): number => topics.partitionOf(jobId, PARTITIONS)
  const write = (
    topic: keyof typeof topicNames,
    jobId: string,
    message: Message | null,
    timestampMs = 0,
    partition = home(jobId),
  ): Position => {
    const value = message === null ? null : jsonCodec.encode(message)
    return topics.append({ topic: topicNames[topic], partition, key: jobId, value, timestampMs })
  }
  // Rests between batches pass at once, all else when a test says so.
  const restless: Timers = { after: (delayMs, run) => (delayMs <= 20 ? systemTimers.after(0, run) : time.after(delayMs, run)) }
  const projectorWith = (changes: Partial<ProjectorOptions> = {}): Projector =>
    new Projector({
      ...{ kafka: topics, admin: topics, readModel: model, codec: jsonCodec, topics: topicNames, clock: time, timers: restless },
      rules: {
        destinations: { bareNameIs: 'topic', topicPrefix: 'datajob.' },
        submissions: { operationsMax: 100, pathLengthMax: 100 },
        attemptsMax: 4,
      },
      events: { failed, skipped, rebuilding, waiting: () => undefined },
      ...changes,
    })
  const project = async (changes: Partial<ProjectorOptions> = {}): Promise<Projector> => {
    const projector = projectorWith(changes)
    await projector.start()
    await expect.poll(() => projector.isReady()).toBe(true)
    return projector
  }

  beforeEach(() => {
    topics = new MemoryTopics({ commands: PARTITIONS, jobs: PARTITIONS, 'subjob-events': PARTITIONS })
    model = openTestReadModel()
    time = new ManualTime()
    vi.clearAllMocks()
  })

  it('shows an accepted job before anything ran, numbered by its command', async () => {
    write('commands', 'job-0', submission({ jobId: 'job-0' }))
    const place = write('commands', 'job-1', submission({ destination: 'results' }))
    await project()
    const expected = sampleJob({ number: jobNumber(place), attemptsMax: 4, operations: { total: 1, succeeded: 0, failed: 0 } })
    expect(await model.job('job-1')).toEqual(expected)
  })

  it("takes the record's time for a job that says none", async () => {
    write('commands', 'job-1', submission({ createdAt: null }), 77)
    await project()
    expect(await model.job('job-1')).toMatchObject({ createdAt: 77 })
  })

  it('shows nothing of a command that is away from its home, has no id, is invalid or can not be read', async () => {
    write('commands', 'job-1', submission(), 0, (home('job-1') + 1) % PARTITIONS)
    write('commands', 'job-1', submission({ jobId: null }))
    write('commands', 'job-1', submission({ operations: [] }))
    topics.append({ topic: 'commands', value: '{' })
    topics.append({ topic: 'commands', value: null })
    await project()
    expect((await model.jobs({}, { limit: 10, after: null })).items).toEqual([])
    expect(skipped).not.toHaveBeenCalled()
  })

  it('takes no word on commands for that of the coordinator or a dispatcher', async () => {
    write('commands', 'job-1', { type: 'JobChanged', job: sampleJob({}, endedPhase('succeeded')) })
    write('commands', 'job-1', sampleEnd(0))
    write('commands', 'job-1', null)
    await project()
    expect(await model.job('job-1')).toBeUndefined()
    expect((await model.subjobs('job-1', { limit: 10, after: null })).items).toEqual([])
  })

  it('follows a job to its end, and forgets it when its owner does', async () => {
    write('commands', 'job-1', submission())
    const projector = await project()
    const ended = sampleJob({}, endedPhase('succeeded'))
    write('jobs', 'job-1', { type: 'JobChanged', job: sampleJob({}, { state: 'running', startedAt: 5 }) })
    write('subjobEvents', 'job-1', sampleStart(0))
    write('subjobEvents', 'job-1', sampleEnd(0))
    write('jobs', 'job-1', { type: 'JobChanged', job: ended })
    expect(await projector.waitForJob('job-1', 1_000)).toBe(true)
    expect(await model.job('job-1')).toEqual(ended)
    expect(await projector.waitForSubjobs('job-1', 1_000)).toBe(true)
    expect((await model.subjobs('job-1', { limit: 10, after: null })).items).toMatchObject([{ state: 'ended' }])
    write('jobs', 'job-1', null, 100)
    expect(await projector.waitForJob('job-1', 1_000)).toBe(true)
    expect(await model.job('job-1')).toBeUndefined()
  })

  it('passes over a record of ours that can not be read, and says so', async () => {
    topics.append({ topic: 'jobs', partition: home('job-1'), value: '{' })
    write('jobs', 'job-1', { type: 'JobChanged', job: sampleJob() })
    await project()
    expect(await model.job('job-1')).toEqual(sampleJob())
    expect(skipped).toHaveBeenCalledTimes(1)
    expect(skipped).toHaveBeenCalledWith(expect.objectContaining({ topic: 'jobs', offset: 0 }), expect.stringContaining('JSON'))
  })

  it('begins where the read model ends', async () => {
    write('commands', 'job-1', submission())
    topics.appendMarker('commands', home('job-1'))
    const first = await project()
    await first.stop()
    const decodeCommand = vi.fn(jsonCodec.decodeCommand)
    const place = write('commands', 'job-2', submission({ jobId: 'job-2' }))
    const second = await project({ codec: { ...jsonCodec, decodeCommand } })
    expect(decodeCommand).toHaveBeenCalledTimes(1)
    expect(second.position(place)).toBe(place.offset + 1)
    expect(rebuilding).not.toHaveBeenCalled()
  })

  it('builds the rows anew when they hold more than the topics', async () => {
    const positions = [{ topic: 'jobs', partition: 1, offset: 5 }]
    await model.apply({ changes: [{ type: 'PutJob', version: 5, job: sampleJob() }], positions })
    write('commands', 'job-2', submission({ jobId: 'job-2' }))
    await project()
    expect(rebuilding.mock.calls).toEqual([['rows up to jobs-1 at 5, which ends at 0: not the same topic']])
    expect((await model.jobs({}, { limit: 10, after: null })).items.map((job) => job.jobId)).toEqual(['job-2'])
  })

  it('lets a writer wait for its own record, and no longer than it wants to', async () => {
    const projector = await project()
    const place = write('commands', 'job-1', submission())
    expect(await projector.waitFor(place, 1_000)).toBe(true)
    expect(await model.job('job-1')).toBeDefined()
    const never = projector.waitFor({ ...place, offset: place.offset + 1 }, 1_000)
    time.pass(1_000)
    expect(await never).toBe(false)
  })

  it('applies what comes while it is busy in one batch, so that a burst costs few transactions', async () => {
    const projector = await project()
    const apply = vi.spyOn(model, 'apply')
    for (let n = 0; n < 300; n += 1) write('commands', `job-${n}`, submission({ jobId: `job-${n}` }))
    await expect.poll(() => projector.lag()).toBe(0)
    expect((await model.jobs({}, { limit: 1_000, after: null })).items.length).toBe(300)
    expect(apply.mock.calls.length).toBeLessThan(5)
  })

  it('tells listeners which jobs changed, after the change can be read', async () => {
    const projector = await project()
    const seen: Promise<string | undefined>[] = []
    const stop = projector.onChange((jobId) => seen.push(model.job(jobId).then((job) => job?.jobId)))
    write('commands', 'job-1', submission())
    await projector.waitForJob('job-1', 1_000)
    stop()
    write('commands', 'job-2', submission({ jobId: 'job-2' }))
    await projector.waitForJob('job-2', 1_000)
    expect(await Promise.all(seen)).toEqual(['job-1'])
  })

  it('fails for good when the read model does, and applies nothing behind the gap', async () => {
    const projector = await project()
    const failure = new ReadModelFailure('no such table', { disposition: 'fatal' })
    const apply = vi.spyOn(model, 'apply').mockRejectedValue(failure)
    write('commands', 'job-1', submission())
    await expect.poll(() => failed.mock.calls.length > 0).toBe(true)
    write('commands', 'job-2', submission({ jobId: 'job-2' }))
    write('jobs', 'job-1', null)
    await projector.stop()
    expect(failed.mock.calls).toEqual([[failure]])
    expect(apply).toHaveBeenCalledTimes(1)
    expect(projector.isReady()).toBe(false)
  })

  it('waits while the disk is full, says so, and applies then what came meanwhile', async () => {
    const waiting = vi.fn<(error: Error) => void>()
    const projector = await project({ events: { failed, skipped, rebuilding, waiting } })
    const failure = new ReadModelFailure('the disk is full', { disposition: 'retry' })
    const apply = vi.spyOn(model, 'apply').mockRejectedValue(failure)
    write('commands', 'job-1', submission())
    write('jobs', 'job-1', { type: 'JobChanged', job: sampleJob({}, endedPhase('succeeded')) })
    await expect.poll(() => projector.waitsFor()).toBe('the disk is full')
    write('commands', 'job-2', submission({ jobId: 'job-2' }))
    expect([projector.positions(), failed.mock.calls]).toEqual([[], []])
    apply.mockRestore()
    await expect.poll(() => {
      time.pass(5_000)
      return projector.waitsFor() === null
    }).toBe(true)
    expect([await projector.waitForJob('job-1', 60_000), await projector.waitForJob('job-2', 60_000)]).toEqual([true, true])
    expect([await model.job('job-1'), await model.job('job-2')]).toMatchObject([{ state: 'ended' }, { state: 'accepted' }])
    expect(waiting).toHaveBeenCalledWith(failure)
  })

  it('keeps the names of forgotten jobs for an hour after it has caught up, then drops them', async () => {
    time.pass(10_000_000)
    write('jobs', 'job-1', null, time.now())
    const projector = await project()
    const seal = vi.spyOn(model, 'apply')
    const command = submission({ createdAt: 1 })
    write('commands', 'job-1', command, time.now() - 1)
    await projector.waitForJob('job-1', 1_000)
    expect(await model.job('job-1')).toBeUndefined()
    time.pass(3_600_001)
    write('commands', 'job-2', submission({ jobId: 'job-2' }))
    await projector.waitForJob('job-2', 1_000)
    const sealed = seal.mock.calls.flatMap(([batch]) => batch.changes).filter((change) => change.type === 'SealForgotten')
    expect(sealed.at(-1)).toEqual({ type: 'SealForgotten', before: time.now() - 3_600_000 })
    write('commands', 'job-1', command, 0)
    await projector.waitForJob('job-1', 1_000)
    expect(await model.job('job-1')).toBeDefined()
  })
})
