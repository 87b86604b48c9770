import { setTimeout as sleep } from 'node:timers/promises'
import { bodyOf, handlesOf, planJob } from '../../test/harness/planned-job.ts'
import { type Figure, quantile } from '../harness/figures.ts'
import { HangingPlugin } from '../harness/hanging-plugin.ts'
import { InstantDmi } from '../harness/instant-dmi.ts'
import { Ours } from '../harness/ours.ts'
import { type Bench, sized } from '../harness/scenario.ts'
import { socketsOf } from '../harness/sockets.ts'

const SLOW_MS = 2_000
/** Of a job at each plugin that hangs or is slow. */
const SUBJOBS = 64
/** How often each healthy plugin has its turn. */
const ROUNDS = 3
const CALLED_EVERY_MS = 100
const ENDED_MS_MAX = 600_000

/**
 * The same of many: jobs of one subjob, each at the next of many healthy plugins, with nothing beside them and with as many that are slow
 * or answer nothing, each with more subjobs than it may have under way.
 */
export async function measureMany(bench: Bench, timesQuietMax: number): Promise<readonly Figure[]> {
  const healthy = named('healthy', sized(bench, 100, 2), () => new InstantDmi({}))
  const slow = named('slow', sized(bench, 50, 1), () => new InstantDmi({ latencyMs: sized(bench, SLOW_MS, 10) }))
  const hanging = named('hanging', sized(bench, 50, 1), () => new HangingPlugin())
  const ours = await Ours.open({ name: 'many', stack: await bench.stack(), settings: { DATAJOB_SUBJOB_OPERATIONS_MAX: '1' } })
  const p99 = async (): Promise<number> => {
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const each of healthy) {
        const begun = performance.now()
        times.push((await ours.completed(await submit(ours, each, 1), 1)) - begun)
      }
    }
    return quantile(times, 0.99)
  }
  const runs: { readonly quiet: number; readonly beside: number; readonly sockets: number }[] = []
  try {
    for (const plugin of [...healthy, ...slow, ...hanging]) await register(ours, plugin)
    await p99()
    for (let run = 0; run < bench.runs; run += 1) {
      for (const { plugin } of hanging) plugin.hang()
      const quiet = await p99()
      const begun: string[] = []
      for (const each of [...hanging, ...slow]) begun.push(await submit(ours, each, sized(bench, SUBJOBS, 2)))
      while (hanging.some(({ plugin }) => plugin.calls === 0)) await sleep(CALLED_EVERY_MS)
      const beside = await p99()
      runs.push({ quiet, beside, sockets: socketsOf(ours.service.child.pid) })
      for (const { plugin } of hanging) plugin.letGo()
      for (const jobId of begun) await ours.client.ended(jobId, ENDED_MS_MAX)
    }
    const common = { peer: [], peerName: null, target: null }
    return [
      { ...common, scenario: 'neighbours.many.quiet.p99', unit: 'ms', ours: runs.map(({ quiet }) => quiet) },
      { ...common, scenario: 'neighbours.many.beside.p99', unit: 'ms', ours: runs.map(({ beside }) => beside) },
      {
        ...{ ...common, scenario: 'neighbours.many.ratio', unit: 'times quiet', ours: runs.map(({ quiet, beside }) => beside / quiet) },
        target: { type: 'number', atMost: timesQuietMax },
      },
      { ...common, scenario: 'neighbours.many.sockets', unit: 'sockets', ours: runs.map(({ sockets }) => sockets) },
    ]
  } finally {
    await ours.close()
    await Promise.all([...healthy, ...slow, ...hanging].map(({ plugin }) => plugin.close()))
  }
}

interface Named<Kind> {
  readonly name: string
  readonly plugin: Kind
}

function named<Kind>(name: string, count: number, make: () => Kind): readonly Named<Kind>[] {
  return Array.from({ length: count }, (_, n) => ({ name: `${name}-${n}`, plugin: make() }))
}

async function register({ client }: Ours, { name, plugin }: Named<InstantDmi | HangingPlugin>): Promise<void> {
  await client.registerService(name, await plugin.listen())
  await client.registerHandles(name, handlesOf(name))
}

async function submit({ client, destination }: Ours, { name }: Named<unknown>, operations: number): Promise<string> {
  const job = planJob({ kind: 'READ', destination, services: [name], operations })
  const { status } = await client.submit(bodyOf(job), {}, destination)
  if (status !== 202) throw new Error(`the job was answered ${status}`)
  return job.jobId
}
