/**
 * Runs simulated worlds on all processors: `--seeds N`, from `--from S`, on `--workers W` threads. `--trace` tells what happened in
 * each. The last line counts seeds run and failed; the exit code is 1 when a promise was broken.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { replayOf, simulate, type SimulationReport } from '../test/simulation/simulate.ts'

/** Seeds that a worker is given at a time: few enough for all to end at about the same time. */
const SEEDS_AT_A_TIME = 20

type Batch = readonly number[]
type Verdict = Pick<SimulationReport, 'seed' | 'violations' | 'jobs'>

if (isMainThread) await main()
else parentPort?.on('message', (batch: Batch) => void work(batch))

async function work(batch: Batch): Promise<void> {
  const verdicts: Verdict[] = []
  for (const seed of batch) {
    const { violations, jobs } = await simulate(seed)
    verdicts.push({ seed, violations, jobs })
  }
  parentPort?.postMessage(verdicts)
}

async function main(): Promise<void> {
  const { seeds, from, workers, trace } = options()
  const startedAt = performance.now()
  const total = { run: 0, failed: 0, jobs: 0 }
  const take = (verdict: Verdict): void => {
    total.run += 1
    total.jobs += verdict.jobs
    if (verdict.violations.length === 0) return
    total.failed += 1
    const lines = verdict.violations.map((each) => `  ${each}`)
    console.log([`seed ${verdict.seed} failed`, ...lines, `  replay: ${replayOf(verdict.seed)}`].join('\n'))
  }
  if (trace) await runHere({ seeds, from }, take)
  else await runBesides({ seeds, from, workers }, take)
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(`${total.run} seeds run, ${total.failed} failed (${total.jobs} jobs, ${seconds} s)`)
  process.exitCode = total.failed === 0 ? 0 : 1
}

interface Range {
  readonly seeds: number
  readonly from: number
}

async function runHere({ seeds, from }: Range, take: (verdict: Verdict) => void): Promise<void> {
  for (let seed = from; seed < from + seeds; seed += 1) {
    const report = await simulate(seed)
    console.log(report.trace.join('\n'))
    take(report)
  }
}

async function runBesides({ seeds, from, workers }: Range & { readonly workers: number }, take: (verdict: Verdict) => void): Promise<void> {
  const end = from + seeds
  let next = from
  const nextBatch = (): Batch => {
    const batch = Array.from({ length: Math.min(SEEDS_AT_A_TIME, end - next) }, (_, at) => next + at)
    next += batch.length
    return batch
  }
  await Promise.all(Array.from({ length: Math.min(workers, Math.ceil(seeds / SEEDS_AT_A_TIME)) }, () => workThrough(nextBatch, take)))
}

function workThrough(nextBatch: () => Batch, take: (verdict: Verdict) => void): Promise<void> {
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
    },
  })
  const whole = (name: 'seeds' | 'from' | 'workers', min: number): number => {
    const value = Number(values[name])
    if (!Number.isSafeInteger(value) || value < min) throw new Error(`--${name} ${values[name]}: a whole number from ${min} on is needed`)
    return value
  }
  return { seeds: whole('seeds', 1), from: whole('from', 0), workers: whole('workers', 1), trace: values.trace }
}
