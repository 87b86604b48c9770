import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { TSchema } from 'typebox'
import { beforeEach, describe, expect, it } from 'vitest'
import { manifestOf, ScaleFixture, type ShownJob } from '../../../../test/fakes/scale-fixture.ts'
import { ResponseCode } from '../../../domain/response-code.ts'
import { executionId, stableId } from './ids.ts'
import { executionDetailsSchema, jobDetailsSchema, jobListQuerySchema, jobSchema, pageOf } from './job-schemas.ts'

const NOW = '2025-11-22T04:19:00.250Z'
const T0 = Date.parse(NOW)

function expectShapeOf(schema: TSchema, value: unknown): void {
  const ajv = new Ajv({ strict: false, allErrors: true })
  addFormats.default(ajv)
  const accepts = ajv.compile(schema)
  accepts(value)
  expect(accepts.errors).toBeNull()
}

let scale: ScaleFixture

beforeEach(() => {
  scale = new ScaleFixture()
  return () => scale.close()
})

describe('a job', () => {
  it('is created with its Location and every field of the seed’s table', async () => {
    const typeId = await scale.type({}, { priority: 7, max_tries: 2 })
    const body = {
      ...{ job_type_id: typeId, input: { files: { scene: [7] }, json: { mode: 'fast' } }, configuration: { priority: 3, output: 'x' } },
      ...{ source_started: '2015-08-28T17:55:41.005Z', source_sensor: '1', source_task: 'my-task' },
    }
    const created = await scale.send('POST', 'jobs/', body)
    expect(created.statusCode, created.body).toBe(201)
    const job = created.json<ShownJob>()
    expect(created.headers.location).toBe(`http://jobs.example/v6/jobs/${job.id}/`)
    expectShapeOf(jobDetailsSchema, job)
    expect(job).toMatchObject({
      ...{ job_type: { id: typeId, name: 'checksum', is_active: true }, status: 'QUEUED', execution: null, num_exes: 1, max_tries: 2 },
      job_type_rev: { revision_num: 1, manifest: manifestOf(), created: NOW },
      ...{ node: null, error: null, input: body.input, output: { files: {}, json: {} }, configuration: body.configuration },
      ...{ source_started: '2015-08-28T17:55:41.005Z', source_ended: null, source_sensor: '1', source_task: 'my-task' },
      ...{ created: NOW, queued: NOW, started: null, ended: null, last_status_change: NOW, last_modified: NOW },
      resources: { resources: { cpus: 0.5, mem: 128 } },
    })
    expect(await scale.shown(job.id)).toEqual(job)
    const { operations, priority, attemptsMax } = scale.rest.command
    expect({ priority, attemptsMax }).toEqual({ priority: 3, attemptsMax: 2 })
    const input = { command: ['sh', 'sha256sum', 'fast'], environment: { SCENE: '7', MODE: 'fast', OUTPUT_DIR: '.' } }
    expect(JSON.parse(operations[0]?.value ?? '')).toMatchObject({ input })
    expect(operations[0]?.path).toBe(`/datajob-definitions/scale/job-types/${typeId}/0#run`)
  })

  it.each([
    [{ job_type_id: undefined }, 400, 'Missing required parameter: "job_type_id"'],
    [{ input: undefined }, 400, 'Missing required parameter: "input"'],
    [{ job_type_id: null }, 400, 'body job_type_id must be integer'],
    [{ configuration: null }, 400, 'body configuration must be object'],
    [{ input: { files: { scene: 7 } } }, 400, 'body input.files.scene must be array'],
    [{ job_type_id: 5 }, 404, 'There is no job type 5'],
    [{ input: {} }, 400, 'Missing required input: "files.scene"'],
    [{ input: { files: { scene: [1, 2] } } }, 400, 'Invalid input: "files.scene" takes one file, not 2'],
    [{ input: { files: { scene: [1], other: [1] } } }, 400, 'Invalid input: the job type has no "files.other". There are: scene.'],
    [{ input: { files: { scene: [1] }, json: { mode: 1 } } }, 400, 'Invalid input: "json.mode" is no string'],
    [{ source_started: 'yesterday' }, 400, 'source_started'],
  ])('is refused with %j', async (body, status, detail) => {
    const typeId = await scale.type()
    const answer = await scale.send('POST', 'jobs/', { job_type_id: typeId, input: { files: { scene: [7] } }, ...body })
    expect([answer.statusCode, answer.json<{ detail: string }>().detail]).toEqual([status, expect.stringContaining(detail)])
  })

  it('is made once under one Idempotency-Key', async () => {
    const body = { job_type_id: await scale.type(), input: { files: { scene: [7] } } }
    const ids = []
    for (let n = 0; n < 2; n += 1) ids.push((await scale.send('POST', 'jobs/', body, { 'idempotency-key': 'k' })).json<ShownJob>().id)
    expect(ids[0]).toBe(ids[1])
    expect((await scale.get('jobs/')).json()).toMatchObject({ count: 1 })
  })

  it('is created of a job type that is paused, too; of one that is not active there is none', async () => {
    const typeId = await scale.type({}, { is_paused: true })
    expect(await scale.job(typeId)).toMatchObject({ status: 'QUEUED', job_type: { is_paused: true } })
    expect(scale.rest.command.held).toBe(false)
    await scale.send('PATCH', 'job-types/checksum/1.0.0/', { is_active: false })
    expect(await scale.job(typeId)).toEqual({ detail: 'The job type "checksum" "1.0.0" is not active' })
  })

  it('keeps the revision of its type that it was created with', async () => {
    const typeId = await scale.type()
    const { id } = await scale.job(typeId)
    await scale.type({ title: 'New', interface: { command: 'sh true' } })
    expect(await scale.shown(id)).toMatchObject({ job_type: { title: 'New' }, job_type_rev: { revision_num: 1, manifest: manifestOf() } })
  })

  it('shows its executions through runs, the newest first', async () => {
    const { id } = await scale.job(await scale.type())
    await scale.start(id, T0 + 10)
    const running = { status: 'RUNNING', exe_num: 1, ended: null }
    expect(await scale.shown(id)).toMatchObject({ status: 'RUNNING', num_exes: 1, execution: running })
    await scale.end(id, { outcome: 'failed', message: 'exited with 3', ran: [T0 + 10, T0 + 20] })
    await scale.requeue(id, T0 + 30)
    expect(await scale.shown(id)).toMatchObject({ status: 'QUEUED', num_exes: 2, error: null, execution: { exe_num: 1 }, started: null })
    await scale.start(id, T0 + 40)
    const listed = (await scale.get(`jobs/${id}/executions/`)).json<{ results: readonly { id: number }[] }>()
    const failed = { exe_num: 1, status: 'FAILED', error: { category: 'DATA' } }
    expect(listed).toMatchObject({ count: 2, results: [{ exe_num: 2, status: 'RUNNING' }, failed] })
    expect(listed.results.map((each) => each.id)).toEqual([executionId(id, 2), executionId(id, 1)])
    const first = await scale.get(`jobs/${id}/executions/1/`)
    expect(first.json()).toMatchObject({ created: '2025-11-22T04:19:00.260Z', queued: null, configuration: { priority: 100 } })
    expectShapeOf(executionDetailsSchema, first.json())
    const query = `status=FAILED&error_category=DATA&node_id=${stableId('node', 'w1')}`
    expect((await scale.get(`jobs/${id}/executions/?${query}`)).json()).toMatchObject({ count: 1 })
    expect((await scale.get(`jobs/${id}/executions/?error_category=SYSTEM`)).json()).toMatchObject({ count: 0 })
    expect((await scale.get(`jobs/${id}/executions/3/`)).json()).toEqual({ detail: `The job ${id} has no execution 3` })
    expect((await scale.get(`job-executions/${executionId(id, 2)}/logs/stdout/`)).statusCode).toBe(204)
  })

  it('shows of each execution what it has written, also of those that follow each other quickly', async () => {
    const { id } = await scale.job(await scale.type())
    const printed = (text: string): object => ({ stdout: { text }, stderr: { text: '' } })
    const logOf = async (exeNum: number): Promise<string> => {
      return (await scale.get(`job-executions/${executionId(id, exeNum)}/logs/stdout/`, { accept: 'text/plain' })).body
    }
    for (const [exeNum, at] of [T0 + 10, T0 + 30, T0 + 50].entries()) {
      if (exeNum > 0) await scale.requeue(id, at)
      await scale.start(id, at)
      expect(await logOf(exeNum + 1)).toBe('')
      await scale.report(id, at + 10, printed(`run ${exeNum + 1}\n`))
      await scale.end(id, { outcome: 'failed', message: 'exited with 3', ran: [at, at + 10] })
    }
    expect([await logOf(1), await logOf(2), await logOf(3)]).toEqual(['run 1\n', 'run 2\n', 'run 3\n'])
  })

  it('that was cancelled before it ran has had no execution, and is queued for its second', async () => {
    const { id } = await scale.job(await scale.type())
    await scale.end(id, { outcome: 'cancelled', message: 'cancelled' })
    expect(await scale.shown(id)).toMatchObject({ status: 'CANCELED', num_exes: 1, execution: null, started: null, error: null })
    await scale.requeue(id, T0 + 30)
    expect(await scale.shown(id)).toMatchObject({ status: 'QUEUED', num_exes: 2 })
  })

  it('lists its input files, of which only ids and inputs are known', async () => {
    const { id } = await scale.job(await scale.type())
    const file = { id: 7, job_input: 'scene', file_name: null, file_size: null }
    expect((await scale.get(`jobs/${id}/input_files/`)).json()).toEqual({ count: 1, next: null, previous: null, results: [file] })
    for (const query of ['job_input=other', 'file_name=x', 'started=PT1H&time_field=data', 'ended=PT1H']) {
      expect((await scale.get(`jobs/${id}/input_files/?${query}`)).json()).toMatchObject({ count: 0 })
    }
  })

  it('lists no input files for what is no time', async () => {
    const { id } = await scale.job(await scale.type())
    for (const query of ['started=x', 'time_field=x']) expect((await scale.get(`jobs/${id}/input_files/?${query}`)).statusCode).toBe(400)
  })

  it.each([
    [{ message: 'exited with 3' }, 'bad-scene', 'DATA'],
    [{ message: 'exited with 4' }, 'exit-code', 'ALGORITHM'],
    [{ message: 'timed out: 60 s' }, 'timeout', 'ALGORITHM'],
    [{ message: 'DMI service "exec", submit: refused', code: ResponseCode.ServiceNotResponding }, 'producer-unreachable', 'SYSTEM'],
    [{ message: 'DMI service "exec", submit: 422', code: ResponseCode.Rejected }, 'input-rejected', 'DATA'],
    [{ message: 'cm handle reference(s) not found', ran: undefined }, 'producer-unknown', 'SYSTEM'],
    [{ message: 'no such thing' }, 'algorithm', 'ALGORITHM'],
  ])('that failed with %j says why, with an id that is always the same', async (ending, name, category) => {
    const { id } = await scale.job(await scale.type())
    await scale.end(id, { outcome: 'failed', ran: [T0, T0 + 1], ...ending })
    const job = await scale.shown(id)
    expectShapeOf(jobDetailsSchema, job)
    expect(job).toMatchObject({ status: 'FAILED', error: { name, category } })
    expect(await scale.listed(`error_id=${job.error?.id}&error_category=${category}`)).toEqual([id])
    expect(await scale.listed('error_id=9999')).toEqual([])
  })

  it('that is none, or another dialect’s, is 404', async () => {
    expect((await scale.get('jobs/12345/')).json()).toEqual({ detail: 'There is no job 12345' })
    expect((await scale.get('jobs/x/')).statusCode).toBe(400)
  })
})

describe('the list of jobs', () => {
  /** Three jobs of two types, one COMPLETED, one FAILED, one QUEUED. */
  async function three(): Promise<readonly [number, number, number]> {
    const [one, other] = [await scale.type(), await scale.type({ name: 'other' })]
    const ids: number[] = []
    for (const [typeId, body] of [[one, { source_sensor: 'a' }], [other, { source_sensor: 'b' }], [one, {}]] as const) {
      ids.push((await scale.job(typeId, { ...body, configuration: { priority: 10 * (3 - ids.length) } })).id)
      scale.rest.time.pass(1_000)
    }
    const [a = 0, b = 0, c = 0] = ids
    await scale.end(a, { outcome: 'succeeded', ran: [T0 + 5_000, T0 + 9_000] })
    await scale.end(b, { outcome: 'failed', message: 'exited with 9', ran: [T0 + 5_000, T0 + 7_000] })
    return [a, b, c]
  }

  it('finds jobs by each filter', async () => {
    const [a, b, c] = await three()
    const found: Record<string, readonly number[]> = {
      ...{ 'status=FAILED': [b], 'status=FAILED&status=QUEUED': [c, b], 'job_type_name=other': [b] },
      'source_sensor=a&source_sensor=b': [b, a],
      ...{ [`job_id=${a}`]: [a], [`job_type_id=${stableId('job-type', 'checksum', '1.0.0')}`]: [c, a], 'error_category=ALGORITHM': [b] },
      ...{ 'started=2025-11-22T04:19:07Z': [b, a], 'started=2025-11-22T04:19:07Z&ended=2025-11-22T04:19:08Z': [b] },
      ...{ 'is_superseded=true': [], 'is_superseded=True': [], 'is_superseded=false': [c, b, a] },
      ...{ 'recipe_id=1': [], 'batch_id=1': [], 'error_id=3': [b] },
      ...{ 'source_task=x': [], 'source_tasks=x': [], 'source_collection=x': [], 'source_sensor_class=x': [] },
      ...{ 'source_started=2015-01-01T00:00:00Z': [], 'source_ended=2015-01-01T00:00:00Z': [], 'started=PT1H': [c, b, a] },
    }
    for (const [query, ids] of Object.entries(found)) expect([query, await scale.listed(query)]).toEqual([query, ids])
    const tried = new Set(Object.keys(found).flatMap((query) => [...new URLSearchParams(query).keys()]))
    const filters = Object.keys(jobListQuerySchema.properties).filter((name) => !['page', 'page_size', 'order'].includes(name))
    expect([...tried].sort()).toEqual(filters.sort())
  })

  it('is ordered by last_modified, or by several fields, either way', async () => {
    const [a, b, c] = await three()
    const orders: Record<string, readonly number[]> = {
      ...{ '': [c, b, a], 'order=-last_modified': [a, b, c], 'order=job_type__name&order=-id': [c, a, b], 'order=duration': [c, b, a] },
      ...{ 'order=-priority': [a, b, c], 'order=status': [a, b, c], 'order=superseded&order=-id': [c, b, a].sort((x, y) => y - x) },
    }
    for (const [query, ids] of Object.entries(orders)) expect([query, await scale.listed(query)]).toEqual([query, ids])
    const unknown = await scale.get('jobs/?order=size')
    expect([unknown.statusCode, unknown.json<{ detail: string }>().detail]).toEqual([400, expect.stringContaining('"size" is no field')])
  })

  it('pages with links to its neighbours', async () => {
    const [a, b, c] = await three()
    const page = async (query: string): Promise<object> => (await scale.get(`jobs/?${query}`)).json()
    const first = await page('page_size=2&order=id&status=QUEUED&status=FAILED&status=COMPLETED')
    expectShapeOf(pageOf(jobSchema), first)
    const next = 'http://jobs.example/v6/jobs/?page_size=2&order=id&status=QUEUED&status=FAILED&status=COMPLETED&page=2'
    expect(first).toMatchObject({ count: 3, next, previous: null, results: [{ id: Math.min(a, b, c) }, {}] })
    const previous = 'http://jobs.example/v6/jobs/?page_size=2&page=1'
    expect(await page('page_size=2&page=2')).toMatchObject({ count: 3, next: null, previous })
    expect(await page('page_size=5000')).toMatchObject({ count: 3, next: null })
    for (const query of ['page=2', 'page=0', 'page_size=1&page=4']) {
      const beyond = await scale.get(`jobs/?${query}`)
      expect([beyond.statusCode, beyond.json()]).toEqual([404, { detail: 'Invalid page.' }])
    }
    expect(await page('status=RUNNING')).toMatchObject({ count: 0, results: [] })
    for (const query of ['page_size=0', 'status=DONE', 'colour=red', 'started=yesterday']) {
      expect((await scale.get(`jobs/?${query}`)).statusCode).toBe(400)
    }
  })

  it('is of this dialect only, and a path without its slash is sent there', async () => {
    await three()
    expect((await scale.get('jobs/')).json()).toMatchObject({ count: 3 })
    const moved = await scale.get('jobs?page=1')
    expect([moved.statusCode, moved.headers.location]).toEqual([301, 'http://jobs.example/v6/jobs/?page=1'])
    const unknown = await scale.get('nodes/')
    const detail = 'There is nothing at /v6/nodes/. The API is described at /v6/api/.'
    expect([unknown.statusCode, unknown.json()]).toEqual([404, { detail }])
  })
})
