/** A round of the long form (scripts/chaos.ts): another seed every time, unless CHAOS_SEED says which. */
import { expect, it } from 'vitest'
import { seededChaos, tell } from '../harness/chaos.ts'
import { runChaos } from './world/rounds.ts'

it('a round of faults in a whole installation breaks no promise', async () => {
  const { seed } = seededChaos('round')
  const { rounds, findings } = await runChaos({ seed, minutes: 0, round: 1, brokers: 1, only: '', say: tell })
  expect({ rounds, findings }, [`seed ${seed}`, ...findings].join('\n')).toEqual({ rounds: 1, findings: [] })
}, 1_800_000)
