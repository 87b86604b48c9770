/** Runs simulated worlds: `--seeds N`, from `--from S`; `--trace` tells what happened. The exit code is 1 when a promise was broken. */
import { parseArgs } from 'node:util'
import { replayOf, simulate } from '../test/simulation/simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
})
const first = Number(values.from)
const seeds = Number(values.seeds)
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(seeds) || seeds < 1) throw new Error('--seeds and --from are whole numbers')

const startedAt = performance.now()
let failed = 0
let jobs = 0
for (let seed = first; seed < first + seeds; seed += 1) {
  const report = await simulate(seed)
  jobs += report.jobs
  if (values.trace) console.log(report.trace.join('\n'))
  if (report.violations.length === 0) continue
  failed += 1
  console.log([`seed ${seed} failed`, ...report.violations.map((each) => `  ${each}`), `  replay: ${replayOf(seed)}`].join('\n'))
}
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
console.log(`${seeds} seeds run, ${failed} failed (${jobs} jobs, ${seconds} s)`)
process.exitCode = failed === 0 ? 0 : 1
