/** What every read model promises of lists of jobs. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Job, Phase } from '../../src/domain/job.ts'
import type { JobFilter, JobPage, ReadModel, RowChange } from '../../src/read-model/port.ts'
import { endedPhase, sampleJob } from './read-model.ts'

/** What is opened finds jobs by their label `subject`. */
export function exerciseJobLists(name: string, open: () => Promise<ReadModel>): void {
  describe(`the lists of ${name}`, () => {
    let model: ReadModel
    const apply = (...changes: RowChange[]): Promise<void> => model.apply({ changes, positions: [] })
    const list = async (filter: JobFilter, limit = 100): Promise<readonly string[]> =>
      (await model.jobs(filter, { limit, after: null })).items.map((job) => job.jobId)

    beforeEach(async () => {
      model = await open()
      return () => model.close()
    })

    it('find jobs by each filter and by all of them together', async () => {
      const told = { destination: 's3:bucket', tenant: 'south', dialect: 'ogc', kind: 'WRITE', createdAt: 2_000 } as const
      const other = { ...told, id: 'job-2', number: 2 }
      const put = (job: Job): RowChange => ({ type: 'PutJob', version: 1, job })
      await apply(put(sampleJob()), put(sampleJob(other, endedPhase('failed'))))
      const filters: readonly JobFilter[] = [
        { statuses: ['failed'] },
        { destination: 's3:bucket' },
        { kind: 'WRITE' },
        { tenant: 'south' },
        { dialect: 'ogc' },
        { tenant: 'south', dialect: 'ogc', kind: 'WRITE' },
        { createdAfter: 2_000 },
        { ...{ statuses: ['succeeded', 'failed'], destination: 's3:bucket', kind: 'WRITE' }, tenant: 'south', createdBefore: 2_001 },
      ]
      for (const filter of filters) expect(await list(filter)).toEqual(['job-2'])
      expect(await list({ createdBefore: 2_000 })).toEqual(['job-1'])
      expect(await list({ statuses: ['accepted'], tenant: 'south' })).toEqual([])
      expect(await list({ statuses: [] })).toEqual(['job-2', 'job-1'])
    })

    it('move a job from one status to another', async () => {
      await apply({ type: 'PutJob', version: 1, job: sampleJob() })
      await apply({ type: 'PutJob', version: 1, job: sampleJob({}, endedPhase('succeeded')) })
      expect(await list({ statuses: ['accepted'] })).toEqual([])
      expect(await list({ statuses: ['succeeded'] })).toEqual(['job-1'])
    })

    it('page through every job once, the newest first, while others come in and change', async () => {
      const statuses = [{ state: 'accepted' }, endedPhase('failed'), endedPhase('succeeded')] as const
      const jobAt = (n: number): Job => sampleJob({ id: `job-${n}`, number: n, createdAt: 1_000 + Math.floor(n / 4) }, statuses[n % 3])
      await apply(...Array.from({ length: 50 }, (_, n): RowChange => ({ type: 'PutJob', version: 1, job: jobAt(n) })))
      const seen: string[] = []
      let after = null
      do {
        const page = await model.jobs({ statuses: ['accepted', 'failed', 'succeeded'] }, { limit: 7, after })
        seen.push(...page.items.map((job) => job.jobId))
        after = page.next
        const job = sampleJob({ id: `new-${seen.length}`, number: 100 + seen.length, createdAt: 9_000 })
        await apply({ type: 'PutJob', version: 1, job })
      } while (after !== null)
      expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => `job-${49 - n}`))
    })

    it('page by number, whether one index has the order or several', async () => {
      const phases = [{ state: 'accepted' }, endedPhase('failed'), endedPhase('succeeded')] as const
      const jobAt = (n: number): Job => sampleJob({ id: `job-${n}`, number: n, createdAt: 1_000 + Math.floor(n / 4) }, phases[n % 3])
      await apply(...Array.from({ length: 30 }, (_, n): RowChange => ({ type: 'PutJob', version: 1, job: jobAt(n) })))
      for (const filter of [{ statuses: ['accepted', 'failed'] }, { tenant: 'default', dialect: 'ncmp' }] as const) {
        const all = await list(filter)
        for (const offset of [0, 5, all.length - 2, all.length]) {
          const { items, next, previous } = await model.jobs(filter, { limit: 4, offset })
          expect(items.map(({ jobId }) => jobId)).toEqual(all.slice(offset, offset + 4))
          expect([next === null, previous === null]).toEqual([offset + 4 >= all.length, offset === 0 || offset === all.length])
        }
      }
    })

    it('page back through what they have paged through', async () => {
      const jobAt = (n: number): Job => sampleJob({ id: `job-${n}`, number: n, createdAt: 1_000 + Math.floor(n / 4) }, phases[n % 3])
      const phases = [{ state: 'accepted' }, endedPhase('failed'), endedPhase('succeeded')] as const
      await apply(...Array.from({ length: 30 }, (_, n): RowChange => ({ type: 'PutJob', version: 1, job: jobAt(n) })))
      for (const filter of [{ statuses: ['accepted', 'failed'] }, { tenant: 'default', dialect: 'ncmp' }] as const) {
        const pages = [await model.jobs(filter, { limit: 7, after: null })]
        const last = (): JobPage => pages.at(-1) ?? { items: [], next: null, previous: null }
        while (last().next !== null) pages.push(await model.jobs(filter, { limit: 7, after: last().next }))
        const forward = pages.splice(0)
        expect(forward.at(0)?.previous).toBeNull()
        pages.push(forward.at(-1) ?? last())
        for (let before = last().previous; before !== null; before = last().previous) {
          pages.push(await model.jobs(filter, { limit: 7, before }))
        }
        expect(pages.reverse()).toEqual(forward)
      }
    })

    it('count the jobs that they hold', async () => {
      const outcomes = ['succeeded', 'failed', 'cancelled'] as const
      const jobAt = (n: number): Job =>
        sampleJob({ id: `job-${n}`, dialect: n < 9 ? 'ogc' : 'ncmp' }, endedPhase(outcomes[n % 3] ?? 'failed'))
      await apply(...Array.from({ length: 10 }, (_, n): RowChange => ({ type: 'PutJob', version: 1, job: jobAt(n) })))
      const count = (filter: JobFilter): Promise<number> => model.countJobs(filter)
      expect([await count({}), await count({ kind: 'WRITE' }), await count({ dialect: 'ogc' })]).toEqual([10, 0, 9])
      expect(await count({ statuses: ['failed', 'succeeded', 'failed'] })).toBe(7)
      expect(await count({ tenant: 'default', dialect: 'ogc', statuses: ['failed', 'cancelled'] })).toBe(6)
      await apply({ type: 'ForgetJob', jobId: 'job-1', at: 1 })
      expect(await count({ statuses: ['failed'] })).toBe(2)
    })

    it('find jobs by any of several subjects, which may change', async () => {
      const put = (id: string, subject: string): RowChange => ({ type: 'PutJob', version: 1, job: sampleJob({ id, labels: { subject } }) })
      await apply(put('job-1', 'echo'), put('job-2', 'ndvi'), put('job-3', ''))
      for (const owner of [{}, { tenant: 'default', dialect: 'ncmp' }]) {
        expect(await list({ ...owner, subjects: ['ndvi'] })).toEqual(['job-2'])
        expect([...await list({ ...owner, subjects: ['ndvi', 'echo', 'none'] })].sort()).toEqual(['job-1', 'job-2'])
        expect(await list({ ...owner, subjects: [] })).toHaveLength(3)
      }
    })

    it('find jobs by how long they took, or have run until now', async () => {
      const put = (id: string, phase: Phase): RowChange => ({ type: 'PutJob', version: 1, job: sampleJob({ id }, phase) })
      await apply(
        put('accepted', { state: 'accepted' }),
        put('ended', endedPhase('failed')),
        put('running', { state: 'running', startedAt: 7_000 }),
        put('concluding', { state: 'concluding', startedAt: 8_000, outcome: 'failed' }),
        put('cancelling', { state: 'cancelling', startedAt: 7_000 }),
      )
      const lasting = async (atLeastMs?: number, atMostMs?: number): Promise<readonly string[]> =>
        [...await list({ duration: { atLeastMs, atMostMs, now: 9_000 } })].sort()
      expect(await lasting(1_000)).toEqual(['concluding', 'ended', 'running'])
      expect(await lasting(1_001)).toEqual(['running'])
      expect(await lasting(undefined, 1_999)).toEqual(['concluding', 'ended'])
      expect(await lasting(1_000, 1_000)).toEqual(['concluding', 'ended'])
    })

    it('know when a job began and ended though its status says nothing of it', async () => {
      const put = (phase: Phase): RowChange => ({ type: 'PutJob', version: 1, job: sampleJob({}, phase) })
      const lasts = (atLeastMs: number): Promise<readonly string[]> => list({ duration: { atLeastMs, now: 0 } })
      await apply(put({ state: 'ended', startedAt: 1_000, outcome: 'failed', finishedAt: 2_000 }))
      await apply(put({ state: 'ended', startedAt: 1_000, outcome: 'failed', finishedAt: 5_000 }))
      expect(await lasts(4_000)).toEqual(['job-1'])
      await apply(put({ state: 'ended', startedAt: 500, outcome: 'failed', finishedAt: 5_000 }))
      expect(await lasts(4_500)).toEqual(['job-1'])
    })
  })
}
