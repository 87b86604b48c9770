import { beforeEach, expect, test } from 'vitest'
import { endedPhase, sampleEnd, sampleJob, sampleStart } from '../../../test/contract/read-model.ts'
import { RestFixture } from '../../../test/fakes/rest-fixture.ts'
import type { Phase } from '../../domain/job.ts'
import type { SubjobNews } from '../../domain/messages.ts'
import type { SubjobPageRequest } from '../../read-model/port.ts'
import { JobLookup } from './job-lookup.ts'

const all: SubjobPageRequest = { limit: 10, after: null }
let fixture: RestFixture
let waits: number
/** What is still on its way, and comes once it is waited for. */
let late: readonly SubjobNews[]

beforeEach(() => {
  fixture = new RestFixture()
  ;[waits, late] = [0, []]
})

const tell = (events: readonly SubjobNews[]): Promise<void> => {
  return fixture.readModel.apply({ changes: events.map((event) => ({ type: 'FoldSubjobEvent', event, at: 5_000 })), positions: [] })
}
const put = (phase: Phase): Promise<void> => {
  const job = sampleJob({ subjobs: { total: 2, succeeded: 0, partiallyFailed: 2, failed: 0, cancelled: 0 } }, phase)
  return fixture.readModel.apply({ changes: [{ type: 'PutJob', version: 1, job }], positions: [] })
}

async function statesOf(page: SubjobPageRequest = all): Promise<readonly string[]> {
  const progress = {
    ...fixture.progress,
    waitForSubjobs: async () => {
      waits += 1
      await tell(late)
      return true
    },
  }
  const { items } = await new JobLookup({ ...fixture.dependencies(), progress }).subjobs('job-1', page)
  return items.map(({ index, state }) => `${index} ${state}`)
}

test('what a job has ended with is waited for when its end is there first', async () => {
  await put(endedPhase('partiallyFailed'))
  await tell([sampleStart(0)])
  late = [sampleEnd(0), sampleEnd(1)]
  expect(await statesOf()).toEqual(['0 ended', '1 ended'])
  expect([await statesOf({ limit: 1, after: 0 }), await statesOf({ limit: 1, after: null })]).toEqual([['1 ended'], ['0 ended']])
  expect(waits).toBe(1)
})

test.each<readonly [string, Phase, SubjobPageRequest]>([
  ['a job that runs', { state: 'running', startedAt: 5 }, all],
  ['a job that has ended, with some statuses only', endedPhase('partiallyFailed'), { ...all, statuses: ['started'] }],
])('nothing is waited for of %s', async (_, phase, page) => {
  await put(phase)
  await tell([sampleStart(0)])
  expect([await statesOf(page), waits]).toEqual([['0 started'], 0])
})

test('what is known is said when nobody can tell of more', async () => {
  await put(endedPhase('partiallyFailed'))
  await tell([sampleStart(0)])
  const progress = { ...fixture.progress, waitForSubjobs: () => Promise.reject(new Error('away')) }
  const { items } = await new JobLookup({ ...fixture.dependencies(), progress }).subjobs('job-1', all)
  expect(items).toMatchObject([{ state: 'started' }])
})
