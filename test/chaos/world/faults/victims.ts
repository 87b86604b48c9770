/** Whom a fault hits, and for how long. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Chaos } from '../../../harness/chaos.ts'
import { pick } from '../chaos-job.ts'
import type { ServiceSlot } from '../service-slot.ts'
import type { World } from '../world.ts'

const PAUSE_MS = 50
const PRELOADS = join(import.meta.dirname, '../../../harness/preload')

/** Any process but the first: that one grows old, so that what grows in it is seen. */
export function victim(world: World, chaos: Chaos): ServiceSlot {
  return pick(chaos, world.slots.slice(1))
}

/** Settings of a process that has a part of the harness in it. */
export function preload(name: 'failpoint' | 'clock', settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...settings, NODE_OPTIONS: `--import=${join(PRELOADS, `${name}.ts`)}` }
}

/** Lets that time pass, or less when faults have to end. */
export async function during(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch(() => undefined)
}

/** Whether it became true before the time was over, or faults had to end. */
export async function waitFor(condition: () => boolean, waitMsMax: number, stop: AbortSignal): Promise<boolean> {
  const giveUpAt = performance.now() + waitMsMax
  while (!condition()) {
    if (stop.aborted || performance.now() > giveUpAt) return false
    await sleep(PAUSE_MS)
  }
  return true
}
