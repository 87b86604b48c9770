import { join } from 'node:path'
import type { Figure } from '../harness/figures.ts'
import { Ours } from '../harness/ours.ts'
import { BenchProgram } from '../harness/programs.ts'
import { type Bench, paired, type Scenario, sized } from '../harness/scenario.ts'
import { bareHttp } from '../peers/bare-http.ts'
import { BullMq } from '../peers/bullmq.ts'

const WARM_UPS = 2
const DMI = join(import.meta.dirname, '../harness/instant-dmi.ts')

/** How many subjobs a second go through all stages, with everything on the same machine. */
export const subjobs: Scenario = {
  name: 'subjobs',
  about: 'One job of 20,000 write operations at 20,000 producers, so as many subjobs, from its request to its completion event.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const count = sized(bench, 20_000, 50)
    const { program, said } = await BenchProgram.script(DMI, [])
    const { url } = said as { readonly url: string }
    const bullMq = await BullMq.open()
    if (bullMq === null) bench.say('redis-server is not installed ("apt-get install redis-server"): nothing to compare with BullMQ')
    const ours = await Ours.open({ name: 'subjobs', stack: await bench.stack() })
    try {
      await ours.register(url, { handles: count, producers: count })
      const run = async (): Promise<number> => {
        const { begun, completed } = await ours.job(count, count)
        return (count / (completed - begun)) * 1_000
      }
      const peers = async (): Promise<{ readonly wire: number; readonly queue: number | null }> => {
        const wire = await bareHttp(url, count)
        return { wire, queue: (await bullMq?.flow(url, count)) ?? null }
      }
      // Both run on virtual machines that compile what they run often: the first full run takes half as long again as the third.
      for (let warmUp = 0; warmUp < sized(bench, WARM_UPS, 1); warmUp += 1) await run()
      await peers()
      const all = await paired(bench, run, peers)
      const unit = 'subjobs/s'
      const queue = all.peer.flatMap((each) => (each.queue === null ? [] : [each.queue]))
      const wire = all.peer.map((each) => each.wire)
      return [
        { scenario: 'subjobs', unit, ours: all.ours, peer: queue, peerName: 'BullMQ 6', target: { type: 'timesPeer', atLeast: 2 } },
        { scenario: 'subjobs.wire', unit, ours: all.ours, peer: wire, peerName: 'bare HTTP', target: { type: 'timesPeer', atLeast: 0.6 } },
      ]
    } finally {
      await ours.close()
      await bullMq?.close()
      await program.end()
    }
  },
}
