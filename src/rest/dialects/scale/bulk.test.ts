import { beforeEach, describe, expect, it } from 'vitest'
import { brokerAway } from '../../../../test/fakes/rest-fixture.ts'
import { ScaleFixture, type ShownJob } from '../../../../test/fakes/scale-fixture.ts'
import { KafkaFailure } from '../../../kafka/port.ts'
import { stableId } from './ids.ts'
import { bulkFilterSchema } from './job-schemas.ts'

const T0 = Date.parse('2025-11-22T04:19:00.250Z')

let scale: ScaleFixture
/** COMPLETED, FAILED of another type, QUEUED, CANCELED, RUNNING. */
let jobs: readonly [number, number, number, number, number]

beforeEach(async () => {
  scale = new ScaleFixture()
  const [one, other] = [await scale.type(), await scale.type({ name: 'other', jobVersion: '2' })]
  const ids: number[] = []
  for (const typeId of [one, other, one, one, one]) ids.push((await scale.job(typeId)).id)
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = ids
  jobs = [a, b, c, d, e]
  await scale.end(a, { outcome: 'succeeded', ran: [T0, T0 + 1_000] })
  await scale.end(b, { outcome: 'failed', message: 'exited with 3', ran: [T0, T0 + 5_000] })
  await scale.end(d, { outcome: 'cancelled', message: 'cancelled' })
  await scale.start(e, T0 + 7_000)
  await scale.takeCommands()
  return () => scale.close()
})

async function jobIdsOf(...ids: readonly number[]): Promise<readonly string[]> {
  return Promise.all(ids.map(async (id) => String((await scale.rest.readModel.jobByNumber(id))?.jobId)))
}

async function written(path: string, body: object): Promise<readonly object[]> {
  const answer = await scale.send('POST', path, body)
  expect([answer.statusCode, answer.body]).toEqual([202, ''])
  return scale.takeCommands()
}

describe('cancelling', () => {
  it('is asked of all that is not COMPLETED or CANCELED, each by a command of its own', async () => {
    const [failed, queued, running] = await jobIdsOf(jobs[1], jobs[2], jobs[4])
    const commands = await written('jobs/cancel/', {})
    expect(commands).toHaveLength(3)
    for (const jobId of [failed, queued, running]) expect(commands).toContainEqual({ type: 'AbandonJob', jobId, requestedBy: null })
    expect(await written('jobs/cancel/', { status: 'RUNNING' })).toMatchObject([{ jobId: running }])
    expect(await written('jobs/cancel/', { status: 'COMPLETED' })).toEqual([])
  })
})

describe('a job that has failed and is cancelled', () => {
  it('is CANCELED from then on, and requeued as one', async () => {
    const job = await scale.rest.readModel.jobByNumber(jobs[1])
    if (job === null) throw new Error('the job is not there')
    await scale.put({ ...job, abandonedAt: T0 + 9_000 })
    expect(await scale.shown(jobs[1])).toMatchObject({
      ...{ status: 'CANCELED', error: null, ended: '2025-11-22T04:19:05.250Z', last_status_change: '2025-11-22T04:19:09.250Z' },
    })
    expect((await scale.get(`jobs/${jobs[1]}/executions/`)).json()).toMatchObject({ results: [{ status: 'FAILED' }] })
    expect(await scale.listed('status=CANCELED&order=-last_status_change')).toEqual([jobs[1], jobs[3]])
    expect(await written('jobs/requeue/', { job_type_names: ['other'], status: 'CANCELED' })).toMatchObject([{ jobId: job.jobId, run: 2 }])
  })
})

describe('requeueing', () => {
  it('runs once more what is FAILED or CANCELED, with another priority where one is given', async () => {
    const [failed, cancelled] = await jobIdsOf(jobs[1], jobs[3])
    const retry = { type: 'RetryJob', requestedBy: null, run: 2, authorization: null }
    const commands = await written('jobs/requeue/', {})
    expect(commands).toHaveLength(2)
    for (const jobId of [failed, cancelled]) expect(commands).toContainEqual({ ...retry, jobId, priority: null })
    expect(await written('jobs/requeue/', { status: 'FAILED', priority: 7 })).toEqual([{ ...retry, jobId: failed, priority: 7 }])
  })

  it('finds jobs by each filter', async () => {
    const [b, d] = [jobs[1], jobs[3]]
    const found: readonly (readonly [object, readonly number[]])[] = [
      [{ started: '2025-11-22T04:19:05Z' }, [b]],
      [{ ended: '2025-11-22T04:19:05Z' }, [d]],
      [{ status: 'CANCELED' }, [d]],
      [{ job_ids: [b, jobs[0]] }, [b]],
      [{ job_type_ids: [stableId('job-type', 'checksum', '1.0.0')] }, [d]],
      [{ job_types: [{ name: 'other', version: '2' }, { name: 'checksum', version: '2' }] }, [b]],
      [{ job_type_names: ['other', 'checksum'] }, [b, d]],
      [{ batch_ids: [1] }, []],
      [{ recipe_ids: [1] }, []],
      [{ error_categories: ['DATA'] }, [b]],
      [{ error_ids: [stableId('error', 'other', 'bad-scene')] }, [b]],
      [{ error_ids: [String(stableId('error', 'other', 'bad-scene'))] }, [b]],
      [{ is_superseded: true }, []],
      [{ is_superseded: false, status: 'FAILED' }, [b]],
    ]
    for (const [filter, ids] of found) {
      const commands = (await written('jobs/requeue/', filter)) as readonly { readonly jobId: string }[]
      expect([filter, commands.map(({ jobId }) => jobId).sort()]).toEqual([filter, [...(await jobIdsOf(...ids))].sort()])
    }
    const tried = new Set(found.flatMap(([filter]) => Object.keys(filter)))
    expect([...tried].sort()).toEqual(Object.keys(bulkFilterSchema.properties).sort())
  })

  it('is refused with the name of what is not known', async () => {
    const answer = await scale.send('POST', 'jobs/requeue/', { statuses: ['FAILED'] })
    const detail = 'The body must not have additional properties. Not known here: "statuses".'
    expect([answer.statusCode, answer.json()]).toEqual([400, { detail }])
  })

  it('is refused where it can’t be read', async () => {
    const notTyped = [{ job_ids: ['x'] }, { job_ids: null }, { job_ids: 7 }, { is_superseded: null }, { error_ids: ['x'] }]
    for (const body of [{ started: 'yesterday' }, { status: 'DONE' }, { priority: 0 }, { colour: 'red' }, ...notTyped]) {
      expect((await scale.send('POST', 'jobs/requeue/', body)).statusCode).toBe(400)
    }
    expect(await scale.takeCommands()).toEqual([])
  })

  it('is one record, whoever asks, with times for what is said of now', async () => {
    const filter = { started: 'PT1H', job_type_names: ['other'] }
    await scale.send('POST', 'jobs/requeue/', { ...filter, priority: 7 }, { authorization: 'Bearer token' })
    const [record, ...others] = scale.rest.written.splice(0)
    expect(others).toEqual([])
    expect(record).toMatchObject({ topic: 'bulk', key: 'scale' })
    const none = { texts: null, numbers: null, atLeast: null, atMost: null }
    expect(JSON.parse(record?.value?.toString() ?? '')).toEqual({
      ...{ type: 'CommandJobs', commandId: expect.stringMatching(/^[-0-9a-f]{36}$/) as string, action: 'requeue', requestedBy: null },
      ...{ authorization: 'token', priority: 7 },
      conditions: [
        { ...none, facet: 'modifiedAt', atLeast: scale.rest.time.now() - 3_600_000 },
        { ...none, facet: 'typeName', texts: ['other'], numbers: [] },
        { ...none, facet: 'status', texts: ['FAILED', 'CANCELED'], numbers: [] },
      ],
    })
  })

  it('is taken while the read model is behind, and finds nothing before it has caught up', async () => {
    scale.rest.pauseReading()
    expect(await written('jobs/requeue/', {})).toEqual([])
    await scale.rest.resumeReading()
    expect(await written('jobs/requeue/', {})).toHaveLength(2)
  })

  it('is 503 where Kafka is away, or has no topic for it', async () => {
    const noTopic = new KafkaFailure('no such topic', { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic: 'bulk' })
    for (const outage of [brokerAway, noTopic]) {
      scale.rest.outage = outage
      const answer = await scale.send('POST', 'jobs/requeue/', {})
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, expect.any(String)])
    }
    expect(await scale.takeCommands()).toEqual([])
  })
})

describe('a batch', () => {
  const inputs = [1, 2, 3].map((id) => ({ files: { scene: [id] } }))

  it('has a job for each input, which say so and are found by it', async () => {
    const job_type_id = stableId('job-type', 'other', '2')
    const created = await scale.send('POST', 'batches/', { title: 'Mine', job_type_id, inputs, configuration: { priority: 9 } })
    expect(created.statusCode, created.body).toBe(201)
    const batch = created.json<{ readonly id: number }>()
    const { id } = batch
    const brief = { id, title: 'Mine', description: null, created: '2025-11-22T04:19:00.250Z' }
    expect(batch).toEqual({ ...brief, job_type_id, jobs_total: 3 })
    expect((await scale.get(`batches/${id}/`)).json()).toEqual(batch)
    expect((await scale.get('batches/')).json()).toEqual({ count: 1, next: null, previous: null, results: [batch] })
    const found = (await scale.get(`jobs/?batch_id=${id}`)).json<{ count: number; results: readonly ShownJob[] }>()
    expect([found.count, found.results.map((job) => job['batch'])]).toEqual([3, [brief, brief, brief]])
    expect((await scale.get('batches/7/')).json()).toEqual({ detail: 'There is no batch 7' })
  })

  it('is made once under one Idempotency-Key', async () => {
    const body = { title: 'Mine', job_type_id: stableId('job-type', 'other', '2'), inputs }
    const ids = []
    for (let n = 0; n < 2; n += 1) ids.push((await scale.send('POST', 'batches/', body, { 'idempotency-key': 'k' })).json<ShownJob>().id)
    expect(ids[0]).toBe(ids[1])
    expect((await scale.get(`jobs/?batch_id=${ids[0]}`)).json()).toMatchObject({ count: 3 })
  })

  it('of which an input does not fit is refused before any job was created', async () => {
    const body = { title: 'Mine', job_type_id: stableId('job-type', 'other', '2'), inputs: [...inputs, {}] }
    expect((await scale.send('POST', 'batches/', body)).json()).toEqual({ detail: 'Missing required input: "files.scene"' })
    expect(await scale.takeCommands()).toEqual([])
  })
})
