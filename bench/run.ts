/**
 * Measures scenarios, ours beside a peer's where there is one, and judges them by their targets.
 *
 *   npm run bench -- [scenario…] [--runs 3] [--json FILE] [--tiny]
 *
 * The stack is started for the run. The exit code says whether the scenarios ran, not whether their targets were met: times are a
 * machine's own.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureStack, type StackEndpoints, stopStack } from '../stack/stack.ts'
import { type JudgedFigure, judged } from './harness/figures.ts'
import { table } from './harness/report.ts'
import type { Bench, Scenario } from './harness/scenario.ts'
import { growth } from './scenarios/growth.ts'
import { idle } from './scenarios/idle.ts'
import { inFlight } from './scenarios/in-flight.ts'
import { inventory } from './scenarios/inventory.ts'
import { large } from './scenarios/large.ts'
import { neighbours } from './scenarios/neighbours.ts'
import { s3 } from './scenarios/s3.ts'
import { scaleList } from './scenarios/scale-list.ts'
import { scaleOut } from './scenarios/scale-out.ts'
import { small } from './scenarios/small.ts'
import { status } from './scenarios/status.ts'
import { subjobs } from './scenarios/subjobs.ts'

const scenarios: readonly Scenario[] = [
  subjobs, small, large, inFlight, growth, scaleOut, neighbours, status, scaleList, s3, inventory, idle,
]

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '3' }, json: { type: 'string' }, tiny: { type: 'boolean', default: false } },
})

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function chosen(): readonly Scenario[] {
  const unknown = positionals.filter((name) => !scenarios.some((each) => each.name === name))
  const known = scenarios.map(({ name }) => name).join(', ')
  if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}; there are ${known}`)
  return positionals.length === 0 ? scenarios : scenarios.filter(({ name }) => positionals.includes(name))
}

const folder = mkdtempSync(join(tmpdir(), 'datajob-bench-'))
let started: Promise<StackEndpoints> | undefined
const bench: Bench = {
  runs: flags.tiny ? 1 : Number(flags.runs),
  tiny: flags.tiny,
  stack: () => (started ??= ensureStack({ folder, lifetime: 'process', say })),
  say,
}
if (!Number.isSafeInteger(bench.runs) || bench.runs < 1) throw new Error('--runs is a whole number from 1 on')

const figures: JudgedFigure[] = []
try {
  for (const scenario of chosen()) {
    say(`${scenario.name}: ${scenario.about}`)
    figures.push(...(await scenario.measure(bench)).map(judged))
  }
} finally {
  if (started !== undefined) await stopStack({ folder, discard: true })
  rmSync(folder, { recursive: true, force: true })
}
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(figures, null, 2)}\n`)
process.stdout.write(`${table(figures)}\n`)
