import { join } from 'node:path'
import { type Figure, median } from '../harness/figures.ts'
import { Ours } from '../harness/ours.ts'
import { MIB, ProcessProbe } from '../harness/process-probe.ts'
import { BenchProgram } from '../harness/programs.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'

const DMI = join(import.meta.dirname, '../harness/instant-dmi.ts')
const SUBJOBS = 10_000
/** Jobs of the beginning, and of the end, whose medians are compared. */
const WINDOW = 5
/** What has ended is forgotten soon, so that memory can be flat. */
const SETTINGS = { DATAJOB_JOB_RETENTION_MS: '20000', DATAJOB_RETRY_RETENTION_MS: '20000' }

/** Whether a service is as quick after a million subjobs as it was before. */
export const growth: Scenario = {
  name: 'growth',
  about:
    'A hundred jobs of 10,000 subjobs, one after the other: the rate of the last five by that of the first five, and what memory grew ' +
    'in the second half, by when V8 has found how large a heap it likes.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const subjobs = sized(bench, SUBJOBS, 20)
    const jobs = sized(bench, 100, 2 * WINDOW)
    const { program, said } = await BenchProgram.script(DMI, [])
    const { url } = said as { readonly url: string }
    const ours = await Ours.open({ name: 'growth', stack: await bench.stack(), settings: SETTINGS })
    const probe = new ProcessProbe(ours.service.child.pid)
    try {
      await ours.register(url, { handles: subjobs, producers: subjobs })
      for (let n = 0; n < WINDOW; n += 1) await ours.job(subjobs, subjobs)
      const rates: number[] = []
      const resident: number[] = []
      for (let n = 0; n < jobs; n += 1) {
        const { begun, completed } = await ours.job(subjobs, subjobs)
        rates.push((subjobs / (completed - begun)) * 1_000)
        resident.push(probe.residentBytes())
        if ((n + 1) % 10 === 0) {
          const [rate, bytes] = [rates, resident].map((all) => median(all.slice(-WINDOW))) as [number, number]
          bench.say(`growth: ${(n + 1) * subjobs} subjobs, ${rate.toFixed(0)}/s, ${(bytes / MIB).toFixed(0)} MiB`)
        }
      }
      const kept = (median(rates.slice(-WINDOW)) / median(rates.slice(0, WINDOW))) * 100
      const half = Math.floor(jobs / 2)
      const grown = (median(resident.slice(-WINDOW)) - median(resident.slice(half - WINDOW, half))) / MIB
      const common = { peer: [], peerName: null }
      return [
        { ...common, scenario: 'growth.rate', unit: '% of the beginning', ours: [kept], target: { type: 'number', atLeast: 90 } },
        { ...common, scenario: 'growth.memory', unit: 'MiB', ours: [grown], target: { type: 'number', atMost: 50 } },
      ]
    } finally {
      probe.stop()
      await ours.close()
      await program.end()
    }
  },
}
