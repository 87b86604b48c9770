/** Faults of whole processes. */
import { FAILPOINTS } from '../../../../src/runtime/failpoints.ts'
import { pick } from '../chaos-job.ts'
import type { ServiceSlot } from '../service-slot.ts'
import type { Fault } from './fault.ts'
import { during, preload, victim, waitFor } from './victims.ts'

const SESSION_MS = 3_000
const FAILPOINT_MS_MAX = 30_000
const READY_MS_MAX = 20_000
const HOUR_MS = 3_600_000

const kill: Fault = {
  kind: 'kill -9',
  detail: '',
  run: async ({ world, chaos }) => {
    const slot = victim(world, chaos)
    await slot.kill()
    return slot.name
  },
}

const killAll: Fault = {
  kind: 'kill -9 of all processes',
  detail: '',
  run: async ({ world }) => {
    await Promise.all(world.slots.map((slot) => slot.kill()))
    return `${world.slots.length} processes`
  },
}

const restart: Fault = {
  kind: 'clean restart',
  detail: '',
  run: async ({ world, chaos }) => {
    const slot = victim(world, chaos)
    const exit = await slot.restart()
    return `${slot.name} ended with ${exit?.code ?? exit?.signal ?? 'nothing'}`
  },
}

function pause(kind: string, msMin: number, msMax: number): Fault {
  return {
    kind,
    detail: '',
    run: async ({ world, chaos, stop }) => {
      const { name, child } = victim(world, chaos)
      const ms = chaos.between(msMin, msMax)
      child?.signal('SIGSTOP')
      await during(ms, stop)
      child?.signal('SIGCONT')
      return `${name} for ${ms} ms`
    },
  }
}

const producerPause: Fault = {
  kind: 'producer hangs',
  detail: '',
  run: async ({ world, chaos, stop }) => {
    const { child, name } = pick(chaos, world.producers)
    const ms = chaos.between(1_000, 6_000)
    child.signal('SIGSTOP')
    await during(ms, stop)
    child.signal('SIGCONT')
    return `${name} for ${ms} ms`
  },
}

function clock(detail: string, shiftMs: number): Fault {
  return {
    kind: 'wall clock moved by an hour',
    detail,
    run: async ({ world, chaos, stop }) => {
      const slot = victim(world, chaos)
      const child = await slot.replace({ settings: preload('clock', { CHAOS_CLOCK_MS: String(shiftMs) }) })
      await slot.ready(READY_MS_MAX).catch(() => undefined)
      const ms = chaos.between(5_000, 12_000)
      // Another fault may have ended it, and one without the preload knows nothing of the signal.
      child.signal('SIGUSR2')
      await during(ms, stop)
      child.signal('SIGUSR2')
      return `${slot.name} ${detail} for ${ms} ms`
    },
  }
}

/** Whose pass it is, where several stages pass the point. */
const details: Readonly<Record<string, readonly string[]>> = {
  'lane.claim.after': ['coordinator', 'dispatcher', 'notifier'],
  'lane.restore.after': ['coordinator', 'dispatcher', 'notifier'],
  'lane.commit.before': ['coordinator', 'dispatcher', 'notifier'],
  'lane.commit.after': ['coordinator', 'dispatcher', 'notifier'],
  'transaction.end.before': ['.coordinator.', '.dispatcher.', '.notifier.', '.facade.'],
}
/** Passed seldom: the first time is as good as any. */
const RARE = /^(?:lane\.claim|lane\.restore|effect\.cancel|upload)|facade/

function failpoint(name: string, text: string): Fault {
  const point = text === '' ? name : `${name}@${text}`
  return {
    kind: 'kill -9 at a failpoint',
    detail: point,
    run: async ({ world, chaos, stop }) => {
      const slot = victim(world, chaos)
      const count = RARE.test(point) ? 1 : chaos.between(1, 8)
      const died = await diesAt(slot, `${point}:${count}`, stop)
      return `${slot.name} at ${point}:${count}${died ? '' : ', which it did not pass'}`
    },
  }
}

async function diesAt(slot: ServiceSlot, point: string, stop: AbortSignal): Promise<boolean> {
  const child = await slot.replace({ settings: preload('failpoint', { CHAOS_FAILPOINT: point }) })
  if (await waitFor(() => !child.isRunning, FAILPOINT_MS_MAX, stop)) return true
  // It would be killed there later, when faults are over.
  if (slot.child === child) await slot.kill()
  return false
}

export const processFaults: readonly Fault[] = [
  ...[kill, kill, killAll, restart, producerPause],
  pause('SIGSTOP beyond the session', SESSION_MS + 1_000, SESSION_MS + 6_000),
  pause('SIGSTOP within the session', 300, SESSION_MS - 1_000),
  ...[clock('forwards', HOUR_MS), clock('backwards', -HOUR_MS)],
]

export const failpointFaults: readonly Fault[] = Object.keys(FAILPOINTS).flatMap((name) => {
  return (details[name] ?? ['']).map((text) => failpoint(name, text))
})
