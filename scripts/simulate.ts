/**
 * Runs simulated worlds on all processors: `--seeds N`, from `--from S`, on `--workers W` threads. `--trace` tells what happened in
 * each. `--everywhere` takes small worlds instead, in which one thing goes wrong before each step of a process in turn: each kind of
 * mishap, or the one that `--mishap` names, at every step or at `--step K`. The last line counts seeds run and failed; the exit code is
 * 1 when a promise was broken.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { type Mishap, mishaps } from '../test/simulation/mishaps.ts'
import { replayOf, simulate, simulateEverywhere, simulateMishap } from '../test/simulation/simulate.ts'

/** Seeds that a worker is given at a time: few enough for all to end at about the same time. */
const SEEDS_AT_A_TIME = 20

interface Task {
  readonly seed: number
  /** Empty for a world in which everything goes wrong. */
  readonly mishaps: readonly Mishap[]
  readonly step: number | null
}

interface Verdict {
  readonly seed: number
  readonly violations: readonly string[]
  readonly jobs: number
  readonly worlds: number
  readonly trace: readonly string[]
  readonly replay: string
}

if (isMainThread) await main()
else parentPort?.on('message', (tasks: readonly Task[]) => void work(tasks))

async function work(tasks: readonly Task[]): Promise<void> {
  const verdicts: Verdict[] = []
  for (const task of tasks) verdicts.push({ ...(await run(task)), trace: [] })
  parentPort?.postMessage(verdicts)
}

async function run({ seed, mishaps, step }: Task): Promise<Verdict> {
  const [first] = mishaps
  if (first === undefined) return { ...(await simulate(seed)), worlds: 1, replay: replayOf(seed) }
  const replay = `npm run simulate -- --from ${seed} --mishap '${first}' --step ${step ?? 'K'} --trace`
  if (step !== null) return { ...(await simulateMishap(seed, first, step)), worlds: 1, replay }
  const total = { violations: [] as string[], worlds: 0, jobs: 0 }
  for (const mishap of mishaps) {
    const { violations, worlds, jobs } = await simulateEverywhere(seed, mishap)
    total.violations.push(...violations)
    total.worlds += worlds
    total.jobs += jobs * worlds
  }
  return { seed, ...total, trace: [], replay }
}

async function main(): Promise<void> {
  const { workers, trace, ...range } = options()
  const startedAt = performance.now()
  const total = { run: 0, failed: 0, jobs: 0, worlds: 0 }
  const take = (verdict: Verdict): void => {
    total.run += 1
    total.jobs += verdict.jobs
    total.worlds += verdict.worlds
    if (trace) console.log(verdict.trace.join('\n'))
    if (verdict.violations.length === 0) return
    total.failed += 1
    const lines = verdict.violations.map((each) => `  ${each}`)
    console.log([`seed ${verdict.seed} failed`, ...lines, `  replay: ${verdict.replay}`].join('\n'))
  }
  const tasks = tasksOf(range)
  if (trace) for (const task of tasks) take(await run(task))
  else await runBesides(tasks, workers, take)
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(`${total.run} seeds run, ${total.failed} failed (${total.worlds} worlds, ${total.jobs} jobs, ${seconds} s)`)
  process.exitCode = total.failed === 0 ? 0 : 1
}

interface Range extends Omit<Task, 'seed'> {
  readonly seeds: number
  readonly from: number
}

function* tasksOf({ seeds, from, ...task }: Range): Generator<Task> {
  for (let seed = from; seed < from + seeds; seed += 1) yield { seed, ...task }
}

async function runBesides(tasks: Generator<Task>, workers: number, take: (verdict: Verdict) => void): Promise<void> {
  const nextBatch = (): readonly Task[] => {
    const batch: Task[] = []
    while (batch.length < SEEDS_AT_A_TIME) {
      const { value, done } = tasks.next() as IteratorResult<Task, undefined>
      if (done === true) break
      batch.push(value)
      // A world that is run step by step takes as long as many others.
      if (value.mishaps.length > 0) break
    }
    return batch
  }
  await Promise.all(Array.from({ length: workers }, () => workThrough(nextBatch, take)))
}

function workThrough(nextBatch: () => readonly Task[], take: (verdict: Verdict) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url))
    const handOut = (): void => {
      const batch = nextBatch()
      if (batch.length > 0) worker.postMessage(batch)
      else void worker.terminate().then(() => { resolve() })
    }
    worker.on('error', reject)
    worker.on('message', (verdicts: readonly Verdict[]) => {
      verdicts.forEach(take)
      handOut()
    })
    handOut()
  })
}

function options(): Range & { readonly workers: number; readonly trace: boolean } {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1' },
      from: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(availableParallelism()) },
      trace: { type: 'boolean', default: false },
      everywhere: { type: 'boolean', default: false },
      mishap: { type: 'string' },
      step: { type: 'string' },
    },
  })
  const { trace, everywhere, mishap, step } = values
  const names = Object.keys(mishaps) as Mishap[]
  const named = names.filter((name) => (mishap === undefined ? everywhere : name === mishap))
  if (mishap !== undefined && named.length === 0) throw new Error(`--mishap ${mishap}: one of ${names.join(', ')} is needed`)
  return {
    seeds: whole('--seeds', values.seeds, 1),
    from: whole('--from', values.from, 0),
    workers: whole('--workers', values.workers, 1),
    ...{ trace, mishaps: named, step: step === undefined ? null : whole('--step', step, 1) },
  }
}

function whole(name: string, text: string, min: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < min) throw new Error(`${name} ${text}: a whole number from ${min} on is needed`)
  return value
}
