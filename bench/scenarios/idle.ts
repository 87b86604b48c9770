import { setTimeout as sleep } from 'node:timers/promises'
import { type Figure, median } from '../harness/figures.ts'
import { Ours } from '../harness/ours.ts'
import { MIB, ProcessProbe } from '../harness/process-probe.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'

const SETTLE_MS = 10_000
const SAMPLES = 10

/** What a service costs that has nothing to do. */
export const idle: Scenario = {
  name: 'idle',
  about: 'A service without work for a minute: its share of a core, and how much its memory grows from the first half to the second.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const minuteMs = sized(bench, 60_000, 1_000)
    const ours = await Ours.open({ name: 'idle', stack: await bench.stack() })
    const probe = new ProcessProbe(ours.service.child.pid)
    try {
      await sleep(sized(bench, SETTLE_MS, 100))
      const cores: number[] = []
      const growth: number[] = []
      for (let run = 0; run < bench.runs; run += 1) {
        const before = probe.processorTime()
        const resident: number[] = []
        for (let sample = 0; sample < SAMPLES; sample += 1) {
          await sleep(minuteMs / SAMPLES)
          resident.push(probe.residentBytes())
        }
        const after = probe.processorTime()
        const used = after.user - before.user + after.system - before.system
        cores.push((used / (minuteMs / 1_000)) * 100)
        growth.push((median(resident.slice(SAMPLES / 2)) - median(resident.slice(0, SAMPLES / 2))) / MIB)
      }
      const common = { peer: [], peerName: null }
      return [
        { ...common, scenario: 'idle.processor', unit: '% of a core', ours: cores, target: { type: 'number', atMost: 3 } },
        { ...common, scenario: 'idle.growth', unit: 'MiB', ours: growth, target: { type: 'number', atMost: 1 } },
      ]
    } finally {
      probe.stop()
      await ours.close()
    }
  },
}
