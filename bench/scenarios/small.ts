import { type Figure, quantile } from '../harness/figures.ts'
import { InstantDmi } from '../harness/instant-dmi.ts'
import { Ours } from '../harness/ours.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'

const OPERATIONS = 100

interface Times {
  readonly submitted: number[]
  readonly completed: number[]
}

/** What one client waits for, on a service that has nothing else to do. */
export const small: Scenario = {
  name: 'small',
  about: '100 write operations at one producer, one job after the other: until the DMI has them, and until the completion event.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    let submittedAt = 0
    const dmi = new InstantDmi({ onSubmit: () => { submittedAt = performance.now() } })
    const url = await dmi.listen()
    const ours = await Ours.open({ name: 'small', stack: await bench.stack() })
    const jobs = async (count: number): Promise<Times> => {
      const times: Times = { submitted: [], completed: [] }
      for (let n = 0; n < count; n += 1) {
        const { begun, completed } = await ours.job(OPERATIONS, OPERATIONS)
        times.submitted.push(submittedAt - begun)
        times.completed.push(completed - begun)
      }
      return times
    }
    try {
      await ours.register(url, { handles: OPERATIONS, producers: 1 })
      await jobs(sized(bench, 100, 2))
      const runs: Times[] = []
      for (let run = 0; run < bench.runs; run += 1) runs.push(await jobs(sized(bench, 200, 3)))
      const of = (what: keyof Times, share: number): readonly number[] => runs.map((each) => quantile(each[what], share))
      const common = { unit: 'ms', peer: [], peerName: null }
      return [
        { ...common, scenario: 'small.submitted.p50', ours: of('submitted', 0.5), target: { type: 'number', atMost: 25 } },
        { ...common, scenario: 'small.submitted.p99', ours: of('submitted', 0.99), target: { type: 'number', atMost: 100 } },
        { ...common, scenario: 'small.completed.p50', ours: of('completed', 0.5), target: { type: 'number', atMost: 60 } },
      ]
    } finally {
      await ours.close()
      await dmi.close()
    }
  },
}
