import { randomInt } from 'node:crypto'
import { type Random, seededRandom } from '../../src/runtime/random.ts'

/** What decides when things break. Set CHAOS_SEED to the seed of a failed run to have the same schedule again. */
export interface Chaos {
  readonly seed: number
  /** A whole number of the range, both ends included. */
  between(min: number, max: number): number
  chance(probability: number): boolean
}

export function seededChaos(name: string): Chaos {
  const given = Number(process.env['CHAOS_SEED'] ?? '')
  const seed = Number.isSafeInteger(given) && given > 0 ? given : newSeed()
  tell(`${name}: CHAOS_SEED=${seed}`)
  return chaosOf(seed)
}

export function newSeed(): number {
  return randomInt(1, 2 ** 31)
}

/** The same for the same seed. */
export function chaosOf(seed: number): Chaos {
  const random: Random = seededRandom(seed)
  return {
    seed,
    between: (min, max) => min + Math.floor(random() * (max - min + 1)),
    chance: (probability) => random() < probability,
  }
}

/** For the person who reads the run's output. */
export function tell(line: string): void {
  process.stderr.write(`chaos: ${line}\n`)
}

/** Quick to notice that a process is gone, for the price of taking a slow one for gone. */
export const QUICK_SESSIONS = {
  DATAJOB_SESSION_TIMEOUT_MS: '3000',
  DATAJOB_HEARTBEAT_INTERVAL_MS: '500',
  DATAJOB_TRANSACTION_TIMEOUT_MS: '2000',
} as const
