import { beforeEach, expect, test } from 'vitest'
import { exampleFacts } from '../../../test/fakes/domain-examples.ts'
import { RestFixture } from '../../../test/fakes/rest-fixture.ts'
import { jobId } from '../../domain/ids.ts'
import { evolveJob, type JobFacts } from '../../domain/job.ts'
import { JobControl } from './job-control.ts'
import { JobLookup } from './job-lookup.ts'

let fixture: RestFixture
let control: JobControl

beforeEach(() => {
  fixture = new RestFixture()
  const deps = fixture.dependencies()
  control = new JobControl(deps, new JobLookup(deps))
})

let version = 0
const put = (changes: Partial<JobFacts>): Promise<void> => {
  const facts = exampleFacts({ jobId: jobId('job-1'), held: true, ...changes })
  return fixture.change(evolveJob(undefined, { type: 'JobAccepted', facts, operations: 1, subjobs: 1 }), (version += 1))
}

test('a release is answered once the job can be read as released', async () => {
  await put({})
  const callbacks = { done: 'http://example.org/' }
  let isAnswered = false
  const released = control.release('job-1', { requestedBy: 'me', callbacks }).then((job) => {
    isAnswered = true
    return job
  })
  await expect.poll(() => fixture.written.length).toBe(1)
  const command = { type: 'ReleaseJob', jobId: 'job-1', requestedBy: 'me', callbacks, subjobs: null }
  expect(JSON.parse(fixture.written[0]?.value?.toString() ?? '')).toEqual(command)
  await put({ callbacks })
  expect(isAnswered).toBe(false)
  await put({ held: false, callbacks })
  expect(await released).toMatchObject({ held: false, callbacks })
})

test('a release of some subjobs is answered once those can be read as released, and refused where one of them is already', async () => {
  const facts = exampleFacts({ jobId: jobId('job-1'), held: true })
  const accepted = evolveJob(undefined, { type: 'JobAccepted', facts, operations: 3, subjobs: 3 })
  const first = evolveJob(accepted, { type: 'SubjobsReleased', at: 1, callbacks: {}, subjobs: [0] })
  await fixture.change(first, (version += 1))
  await expect(control.release('job-1', { requestedBy: null, callbacks: {}, subjobs: [0, 1] })).rejects.toMatchObject({ status: 409 })
  const released = control.release('job-1', { requestedBy: null, callbacks: {}, subjobs: [1] })
  await expect.poll(() => fixture.written.length).toBe(1)
  await fixture.change(evolveJob(first, { type: 'SubjobsReleased', at: 1, callbacks: {}, subjobs: [1] }), (version += 1))
  expect(await released).toMatchObject({ held: true, released: [0, 1] })
})

test.each([
  ['a job that is not held', { held: false }, {}, { status: 409 }],
  ['an address that is none', {}, { done: 'nonsense' }, { status: 400, message: 'callbacks.done: it is no http or https URL' }],
])('%s is refused, and nothing is written', async (_, facts, callbacks, refusal) => {
  await put(facts)
  await expect(control.release('job-1', { requestedBy: null, callbacks })).rejects.toMatchObject(refusal)
  expect(fixture.written).toEqual([])
})
