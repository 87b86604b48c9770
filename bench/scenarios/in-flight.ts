import { setTimeout as sleep } from 'node:timers/promises'
import { type Figure, median } from '../harness/figures.ts'
import { InstantDmi } from '../harness/instant-dmi.ts'
import { Ours } from '../harness/ours.ts'
import { ProcessProbe } from '../harness/process-probe.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'

const POLL_MS = 10_000
const SAMPLE_MS = 1_000
const POLLS_TO_SETTLE = 2
const SETTINGS = { DATAJOB_POLL_DELAY_MIN_MS: String(POLL_MS - 1), DATAJOB_POLL_DELAY_MAX_MS: String(POLL_MS) }

/** What it costs to wait for slow producers, and how soon one that was killed waits for them again. */
export const inFlight: Scenario = {
  name: 'in-flight',
  about:
    '100,000 subjobs at producers that do not end, each asked for its status every 10 s: memory for each above idle, share of a core; ' +
    'then kill -9, and the time until each was asked for again.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const count = sized(bench, 100_000, 200)
    const polls = new Polls(count)
    const dmi = new InstantDmi({ neverEnds: true, onStatus: polls.heard })
    const url = await dmi.listen()
    const ours = await Ours.open({ name: 'in-flight', stack: await bench.stack(), settings: SETTINGS })
    try {
      await ours.register(url, { handles: count, producers: count })
      await sleep(sized(bench, POLL_MS, 100))
      const quiet = new ProcessProbe(ours.service.child.pid)
      const idleBytes = quiet.residentBytes()
      quiet.stop()
      await ours.submit(count, count)
      await polls.ofEach()
      await sleep(sized(bench, POLLS_TO_SETTLE * POLL_MS, 100))
      const bytes: number[] = []
      const cores: number[] = []
      const restarts: number[] = []
      for (let run = 0; run < bench.runs; run += 1) {
        const probe = new ProcessProbe(ours.service.child.pid)
        const before = probe.processorTime()
        const resident: number[] = []
        const seconds = sized(bench, 2 * POLL_MS, SAMPLE_MS) / SAMPLE_MS
        for (let sample = 0; sample < seconds; sample += 1) {
          await sleep(SAMPLE_MS)
          resident.push(probe.residentBytes())
        }
        const after = probe.processorTime()
        probe.stop()
        bytes.push((median(resident) - idleBytes) / count)
        cores.push((after.user - before.user + after.system - before.system) / seconds)
        const killedAt = performance.now()
        await ours.killed()
        const again = polls.ofEach()
        await ours.started()
        await again
        restarts.push((performance.now() - killedAt) / 1_000)
        await sleep(sized(bench, POLLS_TO_SETTLE * POLL_MS, 100))
      }
      const common = { peer: [], peerName: null }
      return [
        { ...common, scenario: 'in-flight.memory', unit: 'bytes a subjob', ours: bytes, target: { type: 'number', atMost: 1_536 } },
        { ...common, scenario: 'in-flight.processor', unit: 'cores', ours: cores, target: { type: 'number', atMost: 0.5 } },
        { ...common, scenario: 'restart', unit: 's', ours: restarts, target: { type: 'number', atMost: 10 } },
      ]
    } finally {
      await ours.close()
      await dmi.close()
    }
  },
}

/** Which subjobs were asked for, since somebody wanted to know. */
class Polls {
  readonly #count: number
  #seen = new Set<string>()
  #all: (() => void) | null = null

  constructor(count: number) {
    this.#count = count
  }

  readonly heard = (dataProducerJobId: string): void => {
    this.#seen.add(dataProducerJobId)
    if (this.#seen.size >= this.#count) this.#all?.()
  }

  /** Resolves once each was asked for, from now on. */
  ofEach(): Promise<void> {
    this.#seen = new Set()
    return new Promise((resolve) => {
      this.#all = resolve
    })
  }
}
