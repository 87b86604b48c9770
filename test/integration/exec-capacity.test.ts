/** What a machine has is shared out once: to tasks of daggy and jobs of Scale that one exec producer runs at the same time. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { ScaleClient } from '../harness/scale-client.ts'

const MACHINE = { cores: 2, memoryMB: 256 }

let installation: Installation
let service: Service
let scale: ScaleClient
let log: string

beforeAll(async () => {
  installation = await Installation.open('exec-capacity', givenStack())
  service = await installation.service('service')
  scale = new ScaleClient(service.client.url)
  log = join(installation.folder, 'log')
  await service.client.ready()
  const limits = { limits: { memoryMB: { default: 64 } } }
  const programs = { sh: { path: '/bin/sh', shell: true } }
  const producer = await installation.execProducer('exec', { ...shortGrace, ...limits, programs, capacity: MACHINE })
  await service.client.registerService('exec', producer.url)
})

afterAll(() => installation.close())

interface Demand {
  readonly cores: number
  readonly memoryMB: number
}

/** Says what it has been given, from its beginning to its end. */
function script({ cores, memoryMB }: Demand): string {
  return `echo "${cores} ${memoryMB}" >> ${log}; sleep 0.3; echo "-${cores} -${memoryMB}" >> ${log}`
}

function task({ cores, memoryMB }: Demand): object {
  const command = ['/bin/sh', '-c', `: {{N}}; ${script({ cores, memoryMB })}`]
  return { job: { command, cores: String(cores), memoryMB: String(memoryMB) } }
}

function specOf(demands: readonly Demand[], times = 3): object {
  const tasks = Object.fromEntries(demands.map((demand, at) => [`t${at}`, task(demand)]))
  return { tag: 'shared', parameters: { N: Array.from({ length: times }, (_, n) => String(n)) }, tasks }
}

function scaleType({ cores, memoryMB }: Demand): [of: object, job: object] {
  const scalar = [{ name: 'cpus', value: cores - 0.5 }, { name: 'mem', value: memoryMB }]
  return [{ command: `sh '${script({ cores, memoryMB })}'` }, { resources: { scalar } }]
}

async function daggy(path: string, body?: object): Promise<{ readonly status: number; readonly body: unknown }> {
  const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const answer = await fetch(`${service.client.url}${path}`, sent)
  return { status: answer.status, body: await answer.json() }
}

describe('cores and memory', () => {
  it('of all that runs at a time, tasks and jobs, are never more than the machine’s', async () => {
    const submitted = await daggy('/v1/dagrun', specOf([{ cores: 1, memoryMB: 64 }, { cores: 1, memoryMB: 200 }]))
    const { runID } = submitted.body as { readonly runID: number }
    const typeId = await scale.type('shared', ...scaleType({ cores: 1, memoryMB: 100 }))
    const wide = await scale.type('wide', ...scaleType({ cores: 2, memoryMB: 10 }))
    const jobs = [await scale.job(typeId), await scale.job(wide), await scale.job(typeId)]
    for (const id of jobs) await scale.ended(id, 'COMPLETED')
    await expect.poll(() => daggy(`/v1/dagrun/${runID}/state`)).toMatchObject({ body: { state: 'COMPLETED' } })
    const held = { cores: 0, memoryMB: 0 }
    const peak = { ...held }
    const steps = readFileSync(log, 'utf8').trim().split('\n')
    expect(steps).toHaveLength(2 * (2 * 3 + jobs.length))
    for (const step of steps) {
      const [cores = 0, memoryMB = 0] = step.split(' ').map(Number)
      held.cores += cores
      held.memoryMB += memoryMB
      peak.cores = Math.max(peak.cores, held.cores)
      peak.memoryMB = Math.max(peak.memoryMB, held.memoryMB)
    }
    expect(peak.cores).toBe(MACHINE.cores)
    expect(peak.memoryMB).toBeLessThanOrEqual(MACHINE.memoryMB)
  })

  it.each([
    [{ cores: 3, memoryMB: 64 }, 'cores: asks for 3, more than the 2 there are'],
    [{ cores: 1, memoryMB: 257 }, 'memoryMB: asks for 257, more than the 256 there are'],
  ])('of which %j is more than there is are refused, with the reason', async (demand, reason) => {
    const said = expect.stringContaining(reason) as string
    const many = Array.from({ length: 30 }, (_, n) => ({ cores: 1, memoryMB: 1 + n }))
    const spec = specOf([...many, demand, ...many], 1)
    expect(await daggy('/v1/dagrun', spec)).toEqual({ status: 400, body: { error: said } })
    expect(await daggy('/v1/dagrun/validate', spec)).toEqual({ status: 200, body: { valid: false, error: said } })
    const type = await scale.call('POST', 'job-types/', ScaleClient.typeBody('huge', ...scaleType(demand)))
    expect(type).toEqual({ status: 400, body: { detail: said } })
  })
})
