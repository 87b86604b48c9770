import { join } from 'node:path'
import type { Figure } from '../harness/figures.ts'
import { Ours } from '../harness/ours.ts'
import { BenchProgram } from '../harness/programs.ts'
import { type Bench, paired, type Scenario, sized } from '../harness/scenario.ts'

const DMI = join(import.meta.dirname, '../harness/instant-dmi.ts')
const LATENCY_MS = 50
const PROCESSES = 3

/** What more processes bring where plugins are what is waited for. */
export const scaleOut: Scenario = {
  name: 'scale-out',
  about: 'Subjobs a second at a DMI that takes 50 ms for each answer, with three service processes, and with one in the same run.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const count = sized(bench, 10_000, 30)
    const stack = await bench.stack()
    const { program, said } = await BenchProgram.script(DMI, ['--latency-ms', String(LATENCY_MS)])
    const { url } = said as { readonly url: string }
    const one = await Ours.open({ name: 'scale-one', stack })
    const three = await Ours.open({ name: 'scale-three', stack, services: PROCESSES })
    try {
      const rateOf = async (ours: Ours): Promise<number> => {
        const { begun, completed } = await ours.job(count, count)
        return (count / (completed - begun)) * 1_000
      }
      for (const ours of [one, three]) {
        await ours.register(url, { handles: count, producers: count })
        await rateOf(ours)
      }
      const { ours, peer } = await paired(bench, () => rateOf(three), () => rateOf(one))
      const target = { type: 'timesPeer', atLeast: 2.4 } as const
      return [{ scenario: 'scale-out', unit: 'subjobs/s', ours, peer, peerName: 'one process', target }]
    } finally {
      await Promise.all([one.close(), three.close()])
      await program.end()
    }
  },
}
