import type { Figure } from '../harness/figures.ts'
import { InstantDmi } from '../harness/instant-dmi.ts'
import { Ours } from '../harness/ours.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'

const WARM_UPS = 2

/** What ONAP CPS takes 4.2 s for, on up to 6 processors and with nothing stored. */
export const large: Scenario = {
  name: 'large',
  about: '100,000 write operations (22 MB) on 50,000 handles of one producer, from the request until the DMI has all of them.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const operations = sized(bench, 100_000, 3_000)
    const handles = sized(bench, 50_000, 1_000)
    let received = 0
    let lastAt = 0
    const dmi = new InstantDmi({
      onSubmit: (count) => {
        received += count
        lastAt = performance.now()
      },
    })
    const url = await dmi.listen()
    const ours = await Ours.open({ name: 'large', stack: await bench.stack() })
    const job = async (count: number): Promise<{ readonly submitted: number; readonly accepted: number; readonly completed: number }> => {
      received = 0
      const { begun, accepted, completed } = await ours.job(count, handles)
      if (received !== count) throw new Error(`the DMI was given ${received} operations of ${count}`)
      return { submitted: lastAt - begun, accepted: accepted - begun, completed: completed - begun }
    }
    try {
      await ours.register(url, { handles, producers: 1 })
      for (let warmUp = 0; warmUp < sized(bench, WARM_UPS, 1); warmUp += 1) await job(operations)
      const runs: Awaited<ReturnType<typeof job>>[] = []
      for (let run = 0; run < bench.runs; run += 1) runs.push(await job(operations))
      const seconds = (what: 'submitted' | 'accepted' | 'completed'): readonly number[] => runs.map((each) => each[what] / 1_000)
      const common = { unit: 's', peer: [], peerName: null }
      return [
        { ...common, scenario: 'large.submitted', ours: seconds('submitted'), target: { type: 'number', atMost: 2 } },
        { ...common, scenario: 'large.accepted', ours: seconds('accepted'), target: null },
        { ...common, scenario: 'large.completed', ours: seconds('completed'), target: null },
      ]
    } finally {
      await ours.close()
      await dmi.close()
    }
  },
}
