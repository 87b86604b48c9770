/**
 * Breaks a whole installation of real processes for a while, and judges it after each round: `--minutes N`, from `--seed S`. A round
 * that failed runs again by `--round R`; `--brokers 1` or `3` and `--only TEXT,TEXT` choose. The exit code is 1 when a promise was broken.
 */
import { parseArgs } from 'node:util'
import { runChaos } from '../test/chaos/world/rounds.ts'
import { newSeed } from '../test/harness/chaos.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(newSeed()) },
    round: { type: 'string' },
    brokers: { type: 'string' },
    only: { type: 'string', default: '' },
  },
})

const seed = positive('--seed', values.seed)
console.log(`chaos: seed ${seed}`)
const report = await runChaos({
  seed,
  minutes: positive('--minutes', values.minutes),
  round: values.round === undefined ? null : positive('--round', values.round),
  brokers: brokersOf(values.brokers),
  only: values.only,
  say: (line) => {
    console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
  },
})
const kinds = [...report.faults].sort(([one], [other]) => one.localeCompare(other)).map(([kind, count]) => `${count} × ${kind}`)
const { rounds, jobs, operations, failures } = report
console.log(`chaos: faults: ${kinds.join(', ')}`)
console.log(`chaos: seed ${seed}: ${rounds} rounds, ${jobs} jobs, ${operations} operations, ${failures} failures`)
process.exitCode = failures === 0 ? 0 : 1

function positive(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number <= 0) throw new Error(`${option} is "${text}", not a number above 0`)
  return number
}

function brokersOf(text: string | undefined): 1 | 3 | null {
  if (text === undefined) return null
  if (text === '1') return 1
  if (text === '3') return 3
  throw new Error(`--brokers is "${text}", not 1 or 3`)
}
