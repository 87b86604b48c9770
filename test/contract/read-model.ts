/** What every read model promises, whatever stands behind it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { jobId as asJobId } from '../../src/domain/ids.ts'
import type { Outcome } from '../../src/domain/job-counts.ts'
import type { Job, Phase } from '../../src/domain/job.ts'
import type { SubjobEnded, SubjobReported, SubjobStarted } from '../../src/domain/messages.ts'
import type { Position } from '../../src/kafka/port.ts'
import type { JobFilter, JobReport, ReadModel, RowChange, SubjobStatus } from '../../src/read-model/port.ts'

export function sampleJob(changes: Partial<Omit<Job, 'state'>> & { id?: string } = {}, phase: Phase = { state: 'accepted' }): Job {
  const { id = 'job-1', ...facts } = changes
  return {
    ...{ jobId: asJobId(id), number: 1, tenant: 'default', dialect: 'ncmp', dialectData: '{"a":"ä"}', kind: 'READ' },
    ...{ destination: 'kafka:results', dataAcceptType: 'application/json', dataContentType: 'application/json' },
    ...{ priority: 5, labels: { team: 'north' }, deadlineAt: null, attemptsMax: 3, submittedBy: null, traceparent: null },
    ...{ digest: 'd'.repeat(64), createdAt: 1_000, message: null },
    ...{ strict: false, submission: null, parts: 0, partsLeft: 0, released: [], generated: [], run: 1, callbacks: {} },
    ...{ held: false, abandonedAt: null, milestones: [] },
    operations: { total: 10, succeeded: 0, failed: 0 },
    subjobs: { total: 0, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0 },
    ...facts,
    ...phase,
  }
}

export const endedPhase = (outcome: Outcome): Phase => ({ state: 'ended', startedAt: 2_000, outcome, finishedAt: 3_000 })

export function sampleStart(index: number, attempt = 1): SubjobStarted {
  const subjob = { jobId: 'job-1', index, run: 1 }
  return { type: 'SubjobStarted', ...subjob, attempt, worker: 'w1', dataProducerJobId: `p-${index}`, at: 2_000 + attempt }
}

export function sampleReport(index: number, progress: number): SubjobReported {
  const subjob = { jobId: 'job-1', index, run: 1, attempt: 1 }
  return { type: 'SubjobReported', ...subjob, progress, message: `tile ${progress}`, at: 2_010 + progress }
}

export function sampleEnd(index: number): SubjobEnded {
  const ended = { type: 'SubjobEnded', jobId: 'job-1', index, run: 1, outcome: 'partiallyFailed', succeeded: 3, failed: 1 } as const
  const times = { startedAt: 2_001, endedAt: 2_900 }
  const attempt = { number: 1, worker: 'w1', ...times, outcome: 'partiallyFailed', code: null, message: 'no' } as const
  const object = { key: `job-1/${index}`, bytes: 12, etag: 'e' }
  return { ...ended, object, message: 'no', attempts: [attempt], at: 2_900, failedOperations: [], generated: null }
}

export function exerciseReadModel(name: string, open: () => Promise<ReadModel>): void {
  describe(`${name} as a read model`, () => {
    let model: ReadModel
    const apply = (...changes: RowChange[]): Promise<void> => model.apply({ changes, positions: [] })
    const list = async (filter: JobFilter, limit = 100): Promise<readonly string[]> =>
      (await model.jobs(filter, { limit, after: null })).items.map((job) => job.jobId)

    beforeEach(async () => {
      model = await open()
      return () => model.close()
    })

    it('gives back a job with every fact, in every phase', async () => {
      const phases: readonly Phase[] = [
        { state: 'accepted' },
        { state: 'running', startedAt: 5 },
        { state: 'concluding', startedAt: 5, outcome: 'failed' },
        endedPhase('partiallyFailed'),
      ]
      for (const phase of phases) {
        const job = sampleJob({ message: 'a "quoted"\nline' }, phase)
        await apply({ type: 'PutJob', version: 1, job })
        expect(await model.job('job-1')).toEqual(job)
      }
    })

    it('knows the version of a job: none from its command, then that of the latest change', async () => {
      const version = async (): Promise<number | undefined> => (await model.versionedJob('job-1'))?.version
      expect(await version()).toBeUndefined()
      await apply({ type: 'AcceptJob', job: sampleJob(), at: 1 })
      expect(await version()).toBe(0)
      await apply({ type: 'PutJob', version: 7, job: sampleJob() }, { type: 'AcceptJob', job: sampleJob(), at: 1 })
      expect(await model.versionedJob('job-1')).toEqual({ job: sampleJob(), version: 7 })
      await apply({ type: 'PutJob', version: 9, job: sampleJob({ message: 'no' }) })
      expect(await version()).toBe(9)
    })

    it('knows nothing of a job that was never written', async () => {
      expect(await model.job('job-1')).toBeUndefined()
      expect(await model.subjobs('job-1', { limit: 10, after: null })).toEqual({ items: [], next: null })
    })

    it('finds a job by its number, from its command on until it is forgotten', async () => {
      expect(await model.jobByNumber(1_024)).toBeNull()
      const [one, other] = [sampleJob({ number: 1_024 }), sampleJob({ id: 'job-2', number: Number.MAX_SAFE_INTEGER })]
      await apply({ type: 'AcceptJob', job: one, at: 1 }, { type: 'PutJob', version: 1, job: other })
      expect([await model.jobByNumber(1_024), await model.jobByNumber(Number.MAX_SAFE_INTEGER)]).toEqual([one, other])
      await apply({ type: 'ForgetJob', jobId: 'job-1', at: 9 }, { type: 'AcceptJob', job: sampleJob({ number: 3_072 }), at: 10 })
      expect(await model.jobByNumber(1_024)).toBeNull()
      expect(await model.jobByNumber(3_072)).toMatchObject({ jobId: 'job-1', number: 3_072 })
      expect(await model.jobByNumber(1.5)).toBeNull()
    })

    it('lets the first command of a job win, and the coordinator over any command', async () => {
      const first = sampleJob({ digest: 'a' })
      await apply({ type: 'AcceptJob', job: first, at: 1 }, { type: 'AcceptJob', job: sampleJob({ digest: 'b', number: 2 }), at: 2 })
      expect(await model.job('job-1')).toEqual(first)
      const running = sampleJob({ digest: 'a' }, { state: 'running', startedAt: 7 })
      await apply({ type: 'PutJob', version: 1, job: running }, { type: 'AcceptJob', job: first, at: 1 })
      expect(await model.job('job-1')).toEqual(running)
    })

    it('adds up what producers say of subjobs that they work on, each for its operations', async () => {
      const fold = (event: SubjobStarted | SubjobReported | SubjobEnded): RowChange => ({ type: 'FoldSubjobEvent', event, at: event.at })
      const plan = { run: 1, service: 's', dataProducerId: 'p', parents: [], retryAt: null }
      const subjobs = [10, 30, 50, 7].map((operations, index) => ({ ...plan, index, operations }))
      const reports = async (): Promise<readonly (readonly [string, JobReport])[]> => [...await model.reports(['job-1', 'job-2'])]
      await apply({ type: 'PlanSubjobs', event: { type: 'SubjobsPlanned', jobId: 'job-1', subjobs, at: 1 }, at: 1 })
      await apply(...[0, 1, 2].map((index) => fold(sampleStart(index))))
      expect(await reports()).toEqual([])
      await apply(fold(sampleReport(0, 50)), fold(sampleReport(1, 20)), fold(sampleReport(2, 10)), fold(sampleReport(3, 99)))
      expect(await reports()).toEqual([['job-1', { points: 500 + 600 + 500, message: 'tile 50' }]])
      await apply(fold(sampleEnd(0)), fold({ ...sampleReport(1, 70), message: null }))
      expect(await reports()).toEqual([['job-1', { points: 2_100 + 500, message: null }]])
      await apply({ type: 'ForgetJob', jobId: 'job-1', at: 9_000 })
      expect(await reports()).toEqual([])
    })

    it('says that no page follows when the last one is full', async () => {
      await apply({ type: 'PutJob', version: 1, job: sampleJob() }, { type: 'FoldSubjobEvent', event: sampleStart(0), at: 1 })
      expect((await model.jobs({}, { limit: 1, after: null })).next).toBeNull()
      expect((await model.subjobs('job-1', { limit: 1, after: null })).next).toBeNull()
    })

    it('folds the events of a subjob, and changes nothing when one comes again or late', async () => {
      const fold = (event: SubjobStarted | SubjobEnded): RowChange => ({ type: 'FoldSubjobEvent', event, at: event.at })
      await apply(fold(sampleStart(4)))
      expect((await model.subjobs('job-1', { limit: 10, after: null })).items).toMatchObject([{ index: 4, state: 'started' }])
      await apply(fold(sampleEnd(4)))
      const ended = await model.subjobs('job-1', { limit: 10, after: null })
      const { jobId, index, attempts, outcome, succeeded, failed, object, message, at: finishedAt } = sampleEnd(4)
      const said = { jobId, index, run: 1, plan: null, outcome, succeeded, failed, object, message }
      expect(ended.items).toEqual([{ ...said, attempts: attempts.map((each) => ({ ...each, run: 1 })), state: 'ended', finishedAt }])
      await apply(fold(sampleStart(4)), fold(sampleEnd(4)), fold(sampleStart(4, 2)))
      expect(await model.subjobs('job-1', { limit: 10, after: null })).toEqual(ended)
    })

    it('pages through subjobs by index', async () => {
      const starts = [5, 0, 3, 12, 1].map((index): RowChange => ({ type: 'FoldSubjobEvent', event: sampleStart(index), at: 1 }))
      await apply(...starts)
      const first = await model.subjobs('job-1', { limit: 3, after: null })
      const second = await model.subjobs('job-1', { limit: 3, after: first.next })
      expect([first, second].map((page) => page.items.map((row) => row.index))).toEqual([[0, 1, 3], [5, 12]])
      expect([first.next, second.next]).toEqual([3, null])
    })

    it('shows subjobs from their plan on, and by status', async () => {
      const planned = { run: 1, service: 'north', dataProducerId: 'p', operations: 5, parents: [], retryAt: null }
      const subjobs = [0, 1, 2, 3].map((index) => ({ ...planned, index }))
      const plan: RowChange = { type: 'PlanSubjobs', event: { type: 'SubjobsPlanned', jobId: 'job-1', subjobs, at: 9 }, at: 9 }
      const attempt = { ...sampleEnd(0).attempts[0]!, outcome: 'failed' } as const
      const failed = { type: 'SubjobAttemptFailed', jobId: 'job-1', index: 3, run: 1, attempt, retryAt: 50 } as const
      await apply(plan, ...[sampleStart(1), sampleEnd(2), failed].map((event): RowChange => ({ type: 'FoldSubjobEvent', event, at: 9 })))
      const found = async (...statuses: SubjobStatus[]): Promise<readonly number[]> =>
        (await model.subjobs('job-1', { limit: 10, after: null, statuses })).items.map(({ index }) => index)
      expect(await found()).toEqual([0, 1, 2, 3])
      const alone = ['planned', 'started', 'partiallyFailed', 'waiting'] as const
      for (const [index, status] of alone.entries()) expect(await found(status)).toEqual([index])
      expect(await found('planned', 'partiallyFailed', 'succeeded')).toEqual([0, 2])
      const page = await model.subjobs('job-1', { limit: 1, after: null, statuses: ['planned', 'waiting'] })
      expect([page.items.map(({ index }) => index), page.next]).toEqual([[0], 0])
      const rest = await model.subjobs('job-1', { limit: 1, after: page.next, statuses: ['planned', 'waiting'] })
      expect([rest.items.map(({ index }) => index), rest.next]).toEqual([[3], null])
      expect(await model.endedSubjobs('job-1', [0, 1, 2, 3, 4])).toEqual(new Set([2]))
      expect(await model.endedSubjobs('job-2', [2])).toEqual(new Set())
    })

    it('takes a plan of thousands and all that becomes of them in one batch', async () => {
      const planned = { run: 1, service: 'north', dataProducerId: 'p', operations: 5, parents: [], retryAt: null }
      const subjobs = Array.from({ length: 9_000 }, (_, index) => ({ ...planned, index }))
      const plan: RowChange = { type: 'PlanSubjobs', event: { type: 'SubjobsPlanned', jobId: 'job-1', subjobs, at: 9 }, at: 9 }
      const changes = [sampleStart, sampleEnd].flatMap((event) =>
        subjobs.map(({ index }): RowChange => ({ type: 'FoldSubjobEvent', event: event(index), at: 9 })),
      )
      await apply(plan, ...changes)
      const { items } = await model.subjobs('job-1', { limit: 10_000, after: null })
      expect(items).toHaveLength(9_000)
      expect(items.every(({ state, plan: known }) => state === 'ended' && known !== null)).toBe(true)
    })

    it('forgets a job with its subjobs, whatever older record is read after that', async () => {
      const command: RowChange = { type: 'AcceptJob', job: sampleJob(), at: 10 }
      const event: RowChange = { type: 'FoldSubjobEvent', event: sampleEnd(0), at: 20 }
      await apply(command, event, { type: 'ForgetJob', jobId: 'job-1', at: 100 }, command, event)
      expect(await model.job('job-1')).toBeUndefined()
      expect((await model.subjobs('job-1', { limit: 10, after: null })).items).toEqual([])
    })

    it('takes a job under the id of a forgotten one', async () => {
      const again = sampleJob({ number: 2 })
      await apply({ type: 'ForgetJob', jobId: 'job-1', at: 100 }, { type: 'AcceptJob', job: again, at: 101 })
      expect(await model.job('job-1')).toEqual(again)
      await apply({ type: 'ForgetJob', jobId: 'job-1', at: 200 }, { type: 'PutJob', version: 1, job: again })
      expect(await model.job('job-1')).toEqual(again)
    })

    it('keeps what it knows of forgotten jobs until that is sealed', async () => {
      const command: RowChange = { type: 'AcceptJob', job: sampleJob(), at: 10 }
      await apply({ type: 'ForgetJob', jobId: 'job-1', at: 100 }, { type: 'SealForgotten', before: 100 }, command)
      expect(await model.job('job-1')).toBeUndefined()
      await apply({ type: 'SealForgotten', before: 101 }, command)
      expect(await model.job('job-1')).toEqual(sampleJob())
    })

    it('keeps the latest position of each partition', async () => {
      const at = (partition: number, offset: number): Position => ({ topic: 't', partition, offset })
      await model.apply({ changes: [], positions: [at(0, 5), at(1, 7), at(0, 9)] })
      await model.apply({ changes: [], positions: [at(1, 8)] })
      const positions = [...(await model.positions())].sort((one, other) => one.partition - other.partition)
      expect(positions).toEqual([at(0, 9), at(1, 8)])
    })

    it('applies all of a batch or nothing', async () => {
      const broken = { type: 'PutJob', version: 1, job: { ...sampleJob({ id: 'job-2' }), tenant: null } } as unknown as RowChange
      const positions = [{ topic: 't', partition: 0, offset: 5 }]
      const batch = { changes: [{ type: 'PutJob', version: 1, job: sampleJob() } as const, broken], positions }
      await expect(model.apply(batch)).rejects.toMatchObject({ name: 'ReadModelFailure', disposition: 'fatal' })
      expect(await model.job('job-1')).toBeUndefined()
      expect(await model.positions()).toEqual([])
      await apply({ type: 'PutJob', version: 1, job: sampleJob() })
      expect(await model.job('job-1')).toEqual(sampleJob())
    })

    it('is empty once cleared', async () => {
      const changes: readonly RowChange[] = [
        { type: 'PutJob', version: 1, job: sampleJob() },
        { type: 'FoldSubjobEvent', event: sampleEnd(0), at: 1 },
        { type: 'ForgetJob', jobId: 'x', at: 9 },
      ]
      await model.apply({ changes, positions: [{ topic: 't', partition: 0, offset: 5 }] })
      await model.clear()
      await apply({ type: 'AcceptJob', job: sampleJob({ id: 'x' }), at: 1 })
      expect(await list({})).toEqual(['x'])
      expect((await model.subjobs('job-1', { limit: 1, after: null })).items).toEqual([])
      expect(await model.positions()).toEqual([])
    })

    it('takes texts as they are, also those that look like SQL', async () => {
      const id = `'; DROP TABLE jobs; -- ${'ü'.repeat(200)}`
      await apply({ type: 'PutJob', version: 1, job: sampleJob({ id, tenant: "o'brien" }) })
      expect(await list({ tenant: "o'brien" })).toEqual([id])
      expect(await model.job(id)).toMatchObject({ jobId: id })
    })
  })
}
