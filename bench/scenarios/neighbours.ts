import { bodyOf, handlesOf, planJob } from '../../test/harness/planned-job.ts'
import { type Figure, quantile } from '../harness/figures.ts'
import { HangingPlugin } from '../harness/hanging-plugin.ts'
import { InstantDmi } from '../harness/instant-dmi.ts'
import { Ours } from '../harness/ours.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'
import { socketsOf } from '../harness/sockets.ts'
import { measureMany } from './many-neighbours.ts'

const OPERATIONS = 10
const HANGING = 'hanging'
const TIMES_QUIET_MAX = 2
/** All subjobs that a producer may have under way, and some that wait for them. */
const HUNG_OPERATIONS = 1_000

/** What one producer's jobs take while another producer hangs, beside what they take when it is quiet. */
export const neighbours: Scenario = {
  name: 'neighbours',
  about: 'Jobs of one subjob, one after the other, in turn with nothing beside them and with others that answer nothing, one or many.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    return [...(await measureOne(bench)), ...(await measureMany(bench, TIMES_QUIET_MAX))]
  },
}

async function measureOne(bench: Bench): Promise<readonly Figure[]> {
  const dmi = new InstantDmi({})
  const hanging = new HangingPlugin()
  const [url, hangingUrl] = [await dmi.listen(), await hanging.listen()]
  const ours = await Ours.open({ name: 'neighbours', stack: await bench.stack(), settings: { DATAJOB_SUBJOB_OPERATIONS_MAX: '10' } })
  const { client, service } = ours
  const p99 = async (): Promise<number> => {
    const times: number[] = []
    for (let n = 0; n < sized(bench, 300, 3); n += 1) {
      const { begun, completed } = await ours.job(OPERATIONS, 1)
      times.push(completed - begun)
    }
    return quantile(times, 0.99)
  }
  const runs: { readonly quiet: number; readonly beside: number; readonly sockets: number }[] = []
  try {
    await ours.register(url, { handles: 1, producers: 1 })
    await client.registerService(HANGING, hangingUrl)
    await client.registerHandles(HANGING, handlesOf(HANGING))
    await p99()
    for (let run = 0; run < bench.runs; run += 1) {
      hanging.hang()
      const quiet = await p99()
      const job = planJob({ kind: 'READ', destination: '', services: [HANGING], operations: HUNG_OPERATIONS })
      await client.submit(bodyOf(job))
      while (hanging.calls === 0) await p99()
      const beside = await p99()
      runs.push({ quiet, beside, sockets: socketsOf(service.child.pid) })
      hanging.letGo()
      await client.ended(job.jobId, 300_000)
    }
    const common = { peer: [], peerName: null, target: null }
    return [
      { ...common, scenario: 'neighbours.quiet.p99', unit: 'ms', ours: runs.map(({ quiet }) => quiet) },
      { ...common, scenario: 'neighbours.beside.p99', unit: 'ms', ours: runs.map(({ beside }) => beside) },
      {
        ...{ ...common, scenario: 'neighbours.ratio', unit: 'times quiet', ours: runs.map(({ quiet, beside }) => beside / quiet) },
        target: { type: 'number', atMost: TIMES_QUIET_MAX },
      },
      { ...common, scenario: 'neighbours.sockets', unit: 'sockets', ours: runs.map(({ sockets }) => sockets) },
    ]
  } finally {
    await ours.close()
    await Promise.all([dmi.close(), hanging.close()])
  }
}
