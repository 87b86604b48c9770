/** Many plugins, of which some never answer and some are slow: what they may take is bounded, and the others go on. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quantile } from '../../bench/harness/figures.ts'
import { InstantDmi } from '../../bench/harness/instant-dmi.ts'
import { mib, ProcessProbe } from '../../bench/harness/process-probe.ts'
import { socketsOf } from '../../bench/harness/sockets.ts'
import { tell } from '../harness/chaos.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, handlesOf, planJob } from '../harness/planned-job.ts'

const HEALTHY = 40
const SLOW = 20
const HANGING = 20
const SLOW_MS = 2_000
const CONNECTIONS_MAX = 30
/** Jobs that are sent one after the other, each to another healthy plugin. */
const JOBS = 80
const TIMES_QUIET_MAX = 3
// Less than the 30 s after which a silent server is given up.
const HELD_MS_MAX = 20_000
// Who waits for a neighbour waits as long as a slow one takes, or for ever: less says more about the machine than about the service.
const WAITED_MS_MIN = SLOW_MS

let installation: Installation
let service: Service
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  installation = await Installation.open('many-plugins', givenStack(), {
    DATAJOB_CALLS_IN_FLIGHT_MAX: '20',
    DATAJOB_RESULTS_IN_FLIGHT_MAX: '10',
    DATAJOB_PLUGIN_CONNECTIONS_MAX: String(CONNECTIONS_MAX),
    DATAJOB_SUBJOB_OPERATIONS_MAX: '1',
  })
  service = await installation.service('service')
  await service.client.ready()
  for (let n = 0; n < HEALTHY; n += 1) await plugin(`healthy-${n}`, new InstantDmi({}))
  for (let n = 0; n < SLOW; n += 1) await plugin(`slow-${n}`, new InstantDmi({ latencyMs: SLOW_MS }))
}, 120_000)

afterAll(async () => {
  await installation.close()
  for (const close of closers) await close()
})

async function plugin(name: string, dmi: InstantDmi): Promise<void> {
  closers.push(() => dmi.close())
  await register(name, await dmi.listen())
}

async function register(name: string, url: string): Promise<void> {
  await service.client.registerService(name, url)
  await service.client.registerHandles(name, handlesOf(name).slice(0, 4))
}

/** A server that takes every call and answers none. */
async function silentServer(): Promise<string> {
  const server: Server = createServer((request) => request.resume())
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function submit(name: string, operations: number): Promise<string> {
  const job = planJob({ kind: 'READ', destination: '', services: [name], operations })
  expect((await service.client.submit(bodyOf(job))).status).toBe(202)
  return job.jobId
}

/** What a job takes that a healthy plugin does, from its answer to its end; each of them in its turn. */
async function p99(): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < JOBS; n += 1) {
    const begun = performance.now()
    const jobId = await submit(`healthy-${n % HEALTHY}`, 1)
    expect((await service.client.ended(jobId, HELD_MS_MAX)).status).toBe('FINISHED')
    times.push(performance.now() - begun)
  }
  return quantile(times, 0.99)
}

describe('many plugins', () => {
  it('of which some hang and some are slow open a bounded number of connections, and the others go on', async () => {
    const probe = new ProcessProbe(service.child.pid)
    const idle = socketsOf(service.child.pid)
    await p99()
    const quiet = await p99()
    const quietBytes = probe.takePeakBytes()
    for (let n = 0; n < HANGING; n += 1) await register(`hanging-${n}`, await silentServer())
    for (let n = 0; n < HANGING; n += 1) await submit(`hanging-${n}`, 4)
    for (let n = 0; n < SLOW; n += 1) await submit(`slow-${n}`, 4)
    let most = 0
    const counting = setInterval(() => {
      most = Math.max(most, socketsOf(service.child.pid))
    }, 20)
    const beside = await p99()
    clearInterval(counting)
    const figures = `p99 ${quiet.toFixed(0)} ms, beside ${beside.toFixed(0)} ms; ${idle} sockets when idle, then ${most}`
    tell(`many plugins: ${figures}; memory ${mib(quietBytes)}, then ${mib(probe.takePeakBytes())}`)
    probe.stop()
    expect(most - idle).toBeLessThanOrEqual(CONNECTIONS_MAX + 10)
    expect(beside).toBeLessThan(Math.max(quiet * TIMES_QUIET_MAX, WAITED_MS_MIN))
  }, 480_000)
})
