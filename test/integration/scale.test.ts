/** Scale on real servers: job types whose commands an exec producer runs, what came of their jobs, their logs and their lists. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { ScaleClient } from '../harness/scale-client.ts'

const PROGRAMS = { sh: { path: '/bin/sh', shell: true } }

let installation: Installation
let service: Service
let scale: ScaleClient

beforeAll(async () => {
  installation = await Installation.open('scale', givenStack())
  service = await installation.service('service')
  scale = new ScaleClient(service.client.url)
  await service.client.ready()
  const producer = await installation.execProducer('exec', { ...shortGrace, programs: PROGRAMS })
  await service.client.registerService('exec', producer.url)
})

afterAll(() => installation.close())

describe('a job', () => {
  it('runs its command with its input, and shows what that wrote', async () => {
    const outputs = { json: [{ name: 'mode' }] }
    const inputs = { files: [{ name: 'scene' }], json: [{ name: 'mode', type: 'string' }] }
    const script = 'echo "scene $SCENE"; echo late >&2; echo "{\\"mode\\": \\"$MODE\\"}" > seed.outputs.json'
    const typeId = await scale.type('wrote', { command: `sh '${script}'`, inputs, outputs })
    const id = await scale.job(typeId, { files: { scene: [7] }, json: { mode: 'fast' } })
    const job = await scale.ended(id, 'COMPLETED')
    const execution = { exe_num: 1, status: 'COMPLETED' }
    expect(job).toMatchObject({ num_exes: 1, error: null, output: { json: { mode: 'fast' } }, execution })
    const log = `job-executions/${job.execution?.id}/logs`
    const line = { '@timestamp': null, scale_task: null, scale_job_exe: null, scale_node: job.node?.hostname }
    expect(await scale.call('GET', `${log}/combined/`)).toEqual({
      status: 200,
      body: [
        { ...line, message: 'scene 7', scale_order_num: 1, stream: 'stdout' },
        { ...line, message: 'late', scale_order_num: 2, stream: 'stderr' },
      ],
    })
    expect(await scale.text(`${log}/stderr/`)).toBe('late\n')
    expect(await scale.call('GET', `jobs/${id}/executions/1/`)).toMatchObject({ body: { status: 'COMPLETED', timeout: null } })
  })

  it('that wrote nothing has no log', async () => {
    const job = await scale.ended(await scale.job(await scale.type('silent', { command: 'sh true' })), 'COMPLETED')
    expect((await scale.call('GET', `job-executions/${job.execution?.id}/logs/stdout/`)).status).toBe(204)
  })

  it('that failed says why: its manifest’s errors, or that its producer is not reached', async () => {
    const errors = [{ code: 3, name: 'bad-scene', category: 'data' }]
    const named = await scale.job(await scale.type('fails', { command: "sh 'exit 3'" }, { errors }))
    expect((await scale.ended(named, 'FAILED')).error).toMatchObject({ name: 'bad-scene', category: 'DATA', job_type_name: 'fails' })
    const other = await scale.job(await scale.type('fails-so', { command: "sh 'exit 4'" }))
    expect((await scale.ended(other, 'FAILED')).error).toMatchObject({ name: 'exit-code', category: 'ALGORITHM', is_builtin: true })
    const found = await scale.call<{ results: readonly { id: number }[] }>('GET', 'jobs/?error_category=DATA&order=-id')
    expect(found.body.results.map((each) => each.id)).toEqual([named])
  })

  it('shows of each execution what it wrote, also when it is requeued at once', async () => {
    const id = await scale.job(await scale.type('again', { command: "sh 'date +%N; exit 1'" }))
    for (const runs of [1, 2, 3]) {
      if (runs > 1) expect((await scale.call('POST', 'jobs/requeue/', { job_ids: [id], priority: runs })).status).toBe(202)
      await expect.poll(async () => (await scale.shown(id)).num_exes).toBe(runs)
      await scale.ended(id, 'FAILED')
    }
    const { body } = await scale.call<{ results: readonly { id: number }[] }>('GET', `jobs/${id}/executions/`)
    const logs = await Promise.all(body.results.map((each) => scale.text(`job-executions/${each.id}/logs/stdout/`)))
    expect(logs).toEqual([1, 2, 3].map(() => expect.stringMatching(/^\d{9}\n$/) as string))
    expect(new Set(logs).size).toBe(3)
    expect(await scale.shown(id)).toMatchObject({ configuration: { priority: 3 } })
  })

  it('of what nobody can run there is none: its type is refused with the reason', async () => {
    const refused = await scale.call('POST', 'job-types/', ScaleClient.typeBody('refused', { command: 'rm -rf /' }))
    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining('"rm"') as string } })
  })

  it('has the same ids on every instance, and is in the list there', async () => {
    const second = await installation.service('second')
    await second.client.ready()
    const there = new ScaleClient(second.client.url)
    const id = await scale.job(await scale.type('shared', { command: 'sh true' }))
    const here = await scale.ended(id, 'COMPLETED')
    await there.ended(id, 'COMPLETED')
    expect(await there.shown(id)).toEqual(here)
    const body = { count: 1, results: [{ id, status: 'COMPLETED' }] }
    expect(await there.call('GET', 'jobs/?job_type_name=shared')).toMatchObject({ body })
  })
})
