/** One run from one seed: the same seed is the same run. */
import { violationsIn } from './checker.ts'
import { scheduleFaults } from './faults.ts'
import { type Mishap, mishaps } from './mishaps.ts'
import { isSettled } from './settled.ts'
import { workload } from './workload.ts'
import { World } from './world.ts'

const FAULTS_MS = 40_000
const WORKLOAD_MS = 25_000
const JOBS_MAX = 8
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

/** A world in which everything goes wrong for a while. */
export async function simulate(seed: number): Promise<SimulationReport> {
  const world = new World(seed)
  for (let slots = 1 + world.draw(3); slots > 0; slots -= 1) world.addSlot()
  submitJobs(world, { spanMs: WORKLOAD_MS, jobsMax: JOBS_MAX })
  let isHealed = false
  scheduleFaults(world, FAULTS_MS, () => {
    isHealed = true
  })
  return finish(world, { seed, isQuiet: () => isHealed, aftermathMs: AFTERMATH_MS })
}

/** How small and quick a world is in which only one thing goes wrong. */
const SMALL = { spanMs: 1_500, jobsMax: 3 }
const SMALL_AFTERMATH_MS = 15_000

export interface MishapReport extends SimulationReport {
  /** That the first process made until the work was done. */
  readonly steps: number
}

/** A small world of two processes where one thing goes wrong, for the first process, before some step of it. */
export async function simulateMishap(seed: number, mishap: Mishap, step: number): Promise<MishapReport> {
  const world = new World(seed)
  const slot = world.addSlot()
  world.addSlot()
  const first = slot.process
  first.beforeStep(step, () => {
    world.note(`${first.name}: ${mishap} in step ${step}`)
    mishaps[mishap](world, slot)
  })
  submitJobs(world, SMALL)
  let steps = 0
  const isQuiet = (): boolean => {
    steps = first.steps
    return world.scheduler.now() > world.startedAt + SMALL.spanMs
  }
  const report = await finish(world, { seed, isQuiet, aftermathMs: SMALL_AFTERMATH_MS })
  return { ...report, steps }
}

/** Lets a mishap happen before every step of a world in turn, or every `stride`th. */
export async function simulateEverywhere(
  seed: number,
  mishap: Mishap,
  stride = 1,
): Promise<{ readonly violations: readonly string[]; readonly worlds: number; readonly jobs: number }> {
  const { steps, jobs, violations } = await simulateMishap(seed, mishap, Infinity)
  const found = violations.map((each) => `without any ${mishap}: ${each}`)
  let worlds = 1
  for (let step = 1; step <= steps; step += stride) {
    const report = await simulateMishap(seed, mishap, step)
    found.push(...report.violations.map((each) => `${mishap} in step ${step}: ${each}`))
    worlds += 1
  }
  return { violations: found, worlds, jobs }
}

function submitJobs(world: World, extent: { readonly spanMs: number; readonly jobsMax: number }): void {
  const { scheduler, broker, settings, startedAt } = world
  for (const { at, records } of workload(world.random, { partitions: settings.partitions, from: startedAt, ...extent })) {
    scheduler.after(at - startedAt, () => {
      broker.write(records)
    })
  }
}

interface Ending {
  readonly seed: number
  /** Whether no more jobs come, and nothing more goes wrong. */
  readonly isQuiet: () => boolean
  readonly aftermathMs: number
}

/** Runs a world until its work is done, once it is quiet, and finds what was broken. */
async function finish(world: World, { seed, isQuiet, aftermathMs }: Ending): Promise<SimulationReport> {
  const { scheduler, startedAt } = world
  let isDone = false
  const look = (): void => {
    isDone = isQuiet() && isSettled(world)
    if (!isDone) scheduler.after(LOOK_EVERY_MS, look)
  }
  look()
  const finished = await scheduler.run(startedAt + FAULTS_MS + RECOVERY_MS, () => isDone || world.broken.length > 0)
  await scheduler.run(scheduler.now() + aftermathMs, () => false)
  const { violations, jobs } = violationsIn(world)
  const stuck = finished ? [] : [`the work was not finished ${RECOVERY_MS} ms after the last fault`]
  return { seed, violations: [...stuck, ...world.broken, ...violations], events: scheduler.ran, jobs, trace: world.trace }
}
