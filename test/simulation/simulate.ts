/** One run from one seed: the same seed is the same run. */
import { violationsIn } from './checker.ts'
import { scheduleFaults } from './faults.ts'
import { isSettled } from './settled.ts'
import { workload } from './workload.ts'
import { World } from './world.ts'

const FAULTS_MS = 40_000
const WORKLOAD_MS = 25_000
/** The longest that a world may take to finish its work after the last fault: retries wait, sessions and transactions expire. */
const RECOVERY_MS = 600_000
/** How long a finished world is watched for what should not come any more. */
const AFTERMATH_MS = 40_000
const LOOK_EVERY_MS = 1_000

export interface SimulationReport {
  readonly seed: number
  /** Broken promises, in sentences; empty for a good run. */
  readonly violations: readonly string[]
  readonly events: number
  readonly jobs: number
  /** What happened, line by line, after milliseconds. */
  readonly trace: readonly string[]
}

/** The command that runs a seed again and tells what happened. */
export function replayOf(seed: number): string {
  return `npm run simulate -- --from ${seed} --trace`
}

export async function simulate(seed: number): Promise<SimulationReport> {
  const world = new World(seed)
  const { scheduler, broker, settings } = world
  const startedAt = scheduler.now()
  for (let slots = 1 + world.draw(3); slots > 0; slots -= 1) world.addSlot()
  const arrivals = workload(world.random, { partitions: settings.partitions, from: startedAt, spanMs: WORKLOAD_MS })
  for (const { at, records } of arrivals) {
    scheduler.after(at - startedAt, () => {
      broker.write(records)
    })
  }
  let isHealed = false
  scheduleFaults(world, FAULTS_MS, () => {
    isHealed = true
  })
  let isDone = false
  const look = (): void => {
    isDone = isHealed && isSettled(world)
    if (!isDone) scheduler.after(LOOK_EVERY_MS, look)
  }
  look()
  const finished = await scheduler.run(startedAt + FAULTS_MS + RECOVERY_MS, () => isDone || world.broken.length > 0)
  await scheduler.run(scheduler.now() + AFTERMATH_MS, () => false)
  const { violations, jobs } = violationsIn(world)
  const stuck = finished ? [] : [`the work was not finished ${RECOVERY_MS} ms after the last fault`]
  return { seed, violations: [...stuck, ...world.broken, ...violations], events: scheduler.ran, jobs, trace: world.trace }
}
