/** What every read model promises of the lists of the dialect that has facets. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Job } from '../../src/domain/job.ts'
import type { FacetCondition, FacetName, FacetOrder, FacetPage, FacetsOf } from '../../src/read-model/job-facets.ts'
import type { ReadModel, RowChange } from '../../src/read-model/port.ts'
import { sampleEnd, sampleJob, sampleStart } from './read-model.ts'

export const FACETED = 'faceted'

/** The facets of a job are its labels, and `node` is where its first subjob was begun. */
export const labelledFacets: FacetsOf = ({ labels, dialect, createdAt }, first) => {
  if (dialect !== FACETED) return null
  const number = (name: string): number | null => (labels[name] === undefined ? null : Number(labels[name]))
  const text = (name: string): string | null => labels[name] ?? null
  const started = first?.state === 'started' || first?.state === 'ended' ? first : undefined
  return {
    ...{ status: text('status') ?? 'QUEUED', typeId: number('type') ?? 0, typeName: text('typeName') ?? 'none', typeVersion: '1' },
    ...{ batchId: number('batch'), errorId: number('error'), errorCategory: text('category') },
    ...{ node: started?.state ?? null, priority: number('priority') ?? 0, executions: 0 },
    ...{ createdAt, queuedAt: createdAt, startedAt: number('started'), endedAt: null, duration: number('duration'), statusAt: createdAt },
    ...{ modifiedAt: number('modified') ?? createdAt, sourceStartedAt: null, sourceEndedAt: null },
    ...{ sourceSensorClass: null, sourceSensor: text('sensor'), sourceCollection: null, sourceTask: null },
  }
}

/** What is opened makes facets as {@link labelledFacets} says. */
export function exerciseFacets(name: string, open: () => Promise<ReadModel>): void {
  describe(`the facets of jobs in ${name}`, () => {
    let model: ReadModel
    const apply = (...changes: RowChange[]): Promise<void> => model.apply({ changes, positions: [] })
    const put = (number: number, labels: Record<string, string>, changes: Partial<Job> = {}): RowChange => {
      const job = sampleJob({ id: `job-${number}`, number, labels, dialect: FACETED, ...changes })
      return { type: 'PutJob', version: 1, job }
    }
    const page = (conditions: readonly FacetCondition[], order: readonly FacetOrder[] = [], offset = 0, limit = 100): Promise<FacetPage> =>
      model.facetedJobs(conditions, { order, offset, limit })
    const found = async (conditions: readonly FacetCondition[], ...order: readonly FacetOrder[]): Promise<readonly number[]> =>
      (await page(conditions, order)).items.map(({ job }) => job.number)
    const keys = async (...conditions: readonly FacetCondition[]): Promise<readonly number[]> =>
      (await model.facetedKeys(conditions)).map(({ number }) => number)
    const up = (facet: FacetName): FacetOrder => ({ facet, descending: false })
    const down = (facet: FacetName): FacetOrder => ({ facet, descending: true })

    beforeEach(async () => {
      model = await open()
      return () => model.close()
    })

    it('are of the jobs of one dialect', async () => {
      await apply(put(1, {}), put(2, {}, { dialect: 'ncmp' }))
      expect([await found([]), await keys()]).toEqual([[1], [1]])
      // Its id was taken anew, and what was between is compacted away.
      await apply({ type: 'PutJob', version: 1, job: sampleJob({ id: 'job-1', number: 1_024, dialect: 'ncmp' }) })
      expect([await found([]), await keys()]).toEqual([[], []])
    })

    it('find jobs by any of several values, by bounds, and by all conditions together', async () => {
      await apply(
        put(1, { status: 'FAILED', type: '7', error: '3', category: 'DATA', modified: '100', sensor: "O'Neil" }),
        put(2, { status: 'COMPLETED', type: '7', modified: '200', batch: '9' }),
        put(3, { status: 'FAILED', type: '8', error: '4', category: 'SYSTEM', modified: '300' }),
      )
      const cases: readonly (readonly [readonly FacetCondition[], readonly number[]])[] = [
        [[{ facet: 'status', anyOf: ['FAILED'] }], [1, 3]],
        [[{ facet: 'status', anyOf: ['FAILED', 'COMPLETED', 'FAILED'] }], [1, 2, 3]],
        [[{ facet: 'status', anyOf: [] }], []],
        [[{ facet: 'number', anyOf: [3, 1, 99] }], [1, 3]],
        [[{ facet: 'sourceSensor', anyOf: ["O'Neil"] }], [1]],
        [[{ facet: 'errorId', anyOf: [3, 4] }, { facet: 'typeId', anyOf: [8] }], [3]],
        [[{ facet: 'batchId', anyOf: [9] }], [2]],
        [[{ facet: 'modifiedAt', atLeast: 100, atMost: 200 }], [1, 2]],
        [[{ facet: 'modifiedAt', atLeast: 101 }], [2, 3]],
        [[{ facet: 'modifiedAt', atMost: 199 }], [1]],
        [[{ facet: 'modifiedAt' }], [1, 2, 3]],
        [[{ facet: 'errorCategory', anyOf: ['DATA', 'SYSTEM'] }, { facet: 'modifiedAt', atLeast: 200 }], [3]],
        // What is null is in none.
        [[{ facet: 'errorId', atMost: 1_000 }], [1, 3]],
      ]
      for (const [conditions, numbers] of cases) {
        expect(await found(conditions, up('number')), JSON.stringify(conditions)).toEqual(numbers)
        expect(await keys(...conditions), JSON.stringify(conditions)).toEqual(numbers)
        expect((await page(conditions, [], 0, 1)).count, JSON.stringify(conditions)).toBe(numbers.length)
      }
    })

    it('order jobs by several facets, the first deciding, and those that are equal by number', async () => {
      await apply(
        put(1, { typeName: 'b', priority: '5' }),
        put(2, { typeName: 'a', priority: '5' }),
        put(3, { typeName: 'a', priority: '1' }),
        put(4, { typeName: 'b', priority: '5' }),
      )
      expect(await found([], up('typeName'))).toEqual([2, 3, 1, 4])
      expect(await found([], down('typeName'))).toEqual([4, 1, 3, 2])
      expect(await found([], up('priority'), down('typeName'))).toEqual([3, 4, 1, 2])
      expect(await found([], up('typeName'), up('priority'), down('number'))).toEqual([3, 2, 4, 1])
      expect(await found([])).toEqual([1, 2, 3, 4])
    })

    it('page through jobs, each of them once, with the count of all', async () => {
      const status = (n: number): string => (n % 2 === 0 ? 'FAILED' : 'QUEUED')
      await apply(...Array.from({ length: 23 }, (_, n) => put(n + 1, { priority: String(n % 3), status: status(n) })))
      const failed: readonly FacetCondition[] = [{ facet: 'status', anyOf: ['FAILED'] }]
      const pages = await Promise.all([0, 5, 10, 15].map((offset) => page(failed, [up('priority')], offset, 5)))
      expect(pages.map(({ items }) => items.length)).toEqual([5, 5, 2, 0])
      expect(pages.map(({ count }) => count)).toEqual([12, 12, 12, 12])
      const all = pages.flatMap(({ items }) => items.map(({ job }) => job.number))
      expect(all).toEqual(await found(failed, up('priority')))
      expect([...all].sort((one, other) => one - other)).toEqual(await keys(...failed))
    })

    it('follow what becomes of a job and of its first subjob', async () => {
      await apply(put(1, { status: 'QUEUED' }))
      const node = async (value: string): Promise<readonly number[]> => found([{ facet: 'node', anyOf: [value] }])
      expect(await node('started')).toEqual([])
      await apply({ type: 'FoldSubjobEvent', event: sampleStart(0), at: 2_000 })
      expect(await node('started')).toEqual([1])
      expect((await page([])).items[0]?.first).toMatchObject({ state: 'started' })
      // The second says nothing of the job.
      await apply({ type: 'FoldSubjobEvent', event: sampleEnd(1), at: 2_500 })
      expect(await node('started')).toEqual([1])
      await apply({ type: 'FoldSubjobEvent', event: sampleEnd(0), at: 3_000 }, put(1, { status: 'FAILED' }, { run: 2 }))
      expect([await node('started'), await node('ended')]).toEqual([[], [1]])
      expect(await model.facetedKeys([{ facet: 'status', anyOf: ['FAILED'] }])).toEqual([{ number: 1, jobId: 'job-1', run: 2 }])
      expect(await found([{ facet: 'status', anyOf: ['QUEUED'] }])).toEqual([])
    })

    it('go with their job, and come back with one that takes its id', async () => {
      await apply(put(1, { type: '7' }))
      await apply({ type: 'ForgetJob', jobId: 'job-1', at: 9 })
      expect([await found([]), await keys({ facet: 'typeId', anyOf: [7] })]).toEqual([[], []])
      const again = sampleJob({ number: 1_024, dialect: FACETED, labels: { type: '8' } })
      await apply({ type: 'AcceptJob', job: again, at: 10 })
      expect(await found([{ facet: 'typeId', anyOf: [8] }])).toEqual([1_024])
    })
  })
}
