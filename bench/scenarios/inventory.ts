import { HandleIndex } from '../../src/inventory/handle-index.ts'
import type { Figure } from '../harness/figures.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'

const HANDLES = 50_000
// Coprime to the number of handles: neighbours are not asked for one after the other.
const STRIDE = 7_919

/** The look-up that every operation of every job takes. */
export const inventory: Scenario = {
  name: 'inventory',
  about: '1,000,000 look-ups of names of six segments among 50,000 handles, whose names have four, on one core.',
  measure(bench: Bench): Promise<readonly Figure[]> {
    const lookups = sized(bench, 1_000_000, 10_000)
    const index = new HandleIndex()
    for (let n = 0; n < HANDLES; n += 1) index.put(handleOf(n))
    const names = Array.from({ length: HANDLES }, (_, n) => `${elementOf((n * STRIDE) % HANDLES)}/GNBDUFunction=1/NRCellDU=${n % 6}`)
    const run = (): number => {
      const begun = performance.now()
      let found = 0
      for (let n = 0; n < lookups; n += 1) if (index.find(names[n % HANDLES] as string) !== undefined) found += 1
      if (found !== lookups) throw new Error(`${lookups - found} of ${lookups} names were not found`)
      return (performance.now() - begun) / 1_000
    }
    run()
    const ours = Array.from({ length: bench.runs }, run)
    const target = { type: 'number', atMost: 1 } as const
    return Promise.resolve([{ scenario: 'inventory', unit: 's', ours, peer: [], peerName: null, target }])
  },
}

function elementOf(handle: number): string {
  return `/SubNetwork=Europe/SubNetwork=Region${handle % 100}/MeContext=NR${handle}/ManagedElement=NE${handle}`
}

function handleOf(n: number): Parameters<HandleIndex['put']>[0] {
  return {
    ...{ type: 'HandleRegistered', alternateId: elementOf(n), cmHandle: `handle-${n}`, moduleSetTag: `tag-${n % 20}` },
    ...{ dataProducerId: `producer-${n % 50}`, service: 'dmi', writeService: null, state: 'READY', properties: {} },
  }
}
