import { beforeEach, describe, expect, it, vi } from 'vitest'
import { RestFixture } from '../../../test/fakes/rest-fixture.ts'
import { endedPhase, sampleJob } from '../../../test/contract/read-model.ts'
import type { Job } from '../../domain/job.ts'
import { JobResults } from './job-results.ts'
import { ResultEvents } from './result-events.ts'

const HOUR_MS = 3_600_000

let fixture: RestFixture
let results: JobResults

beforeEach(() => {
  fixture = new RestFixture()
  const deps = fixture.dependencies()
  results = new JobResults(deps, new ResultEvents(deps))
})

/** Something about those operations is published, at that time. */
function publish(jobId: string, operationIds: readonly string[], timestampMs: number): void {
  const partition = fixture.resultTopics.partitionOf('job-1', 3)
  const responses = operationIds.map((operationId) => ({ operationId, statusCode: 0, statusMessage: '', result: timestampMs }))
  const headers = { ce_correlationid: jobId, ce_id: `${jobId}/${operationIds.join()}` }
  fixture.resultTopics.append({ topic: 'datajob.results', partition, timestampMs, value: JSON.stringify({ data: { responses } }), headers })
}

const ended = sampleJob({ destination: '' }, endedPhase('succeeded')) as Extract<Job, { readonly state: 'ended' }>

describe('the results of a job', () => {
  it('are not looked for in what was published long after its end', async () => {
    publish('job-1', ['0'], 2_900)
    for (let n = 0; n < 1_000; n += 1) publish('another', ['x'], HOUR_MS + n)
    publish('job-1', ['1'], 2 * HOUR_MS)
    expect([...(await results.of(ended)).keys()]).toEqual(['0'])
  })

  it('are there as far as its subjobs have ended, while it goes on', async () => {
    const running = sampleJob({ destination: '' }, { state: 'running', startedAt: 2_000 })
    publish('job-1', ['0'], 2_500)
    publish('another', ['1'], 2_600)
    publish('job-1', ['1', '2'], 2_700)
    const found = await results.ofEnded(running, new Map([['0', 2_510], ['1', 2_710]]))
    expect([...found].map(([id, { result }]) => [id, result])).toEqual([['0', 2_500], ['1', 2_700], ['2', 2_700]])
  })

  it('are all that was reported, the latest last, and of a job that goes on no more is waited for', async () => {
    const running = sampleJob({ destination: '' }, { state: 'running', startedAt: 2_000 })
    for (const [operations, at] of [[['0', '1'], 2_500], [['0'], 2_700]] as const) publish('job-1', operations, at)
    const before = fixture.time.now()
    const history = await results.historyOf(running, { ends: [2_510, 2_710], reports: 3 })
    expect([...history].map(([id, reports]) => [id, reports.map(({ result }) => result)])).toEqual([['0', [2_500, 2_700]], ['1', [2_500]]])
    expect(fixture.time.now()).toBe(before)
  })

  it('are read as much at a time as there is, however many events that are', async () => {
    const reads = vi.spyOn(fixture.resultTopics, 'read')
    for (let n = 0; n < 1_000; n += 1) publish('job-1', [String(n)], 2_500)
    expect((await results.of(ended)).size).toBe(1_000)
    expect(reads.mock.calls.length).toBeLessThan(5)
  })

  it('of a subjob whose event is kept no longer are missing, without a wait for more', async () => {
    publish('job-1', ['9'], HOUR_MS)
    expect(await results.ofEnded(ended, new Map([['0', 2_900]]))).toEqual(new Map())
  })
})
