/** Jobs of a chaos run: drawn from the seed, with what may come of them. */
import type { Chaos } from '../../harness/chaos.ts'
import type { Leeway } from '../../harness/checker.ts'
import { type PlannedJob, planJob } from '../../harness/planned-job.ts'
import { oddOperations } from './unreliable-plugin.ts'

export const DOORS = ['jobId', 'Idempotency-Key', 'JSON record', 'Avro record'] as const
export type Door = (typeof DOORS)[number]

/** What else its client does with it. */
export type Errand = 'none' | 'cancel' | 'retry' | 'deadline' | 'send again' | 'hold'

export interface ChaosJob {
  readonly name: string
  /** Its id is the service's own where the client sent a key: it is known with the first answer. */
  planned: PlannedJob
  readonly door: Door
  readonly errand: Errand
  /** Milliseconds from its submission on; of a job with that errand. */
  readonly deadlineMs: number
  /** Some of its operations are for producers that lie, hang or fail. */
  readonly odd: boolean
  /**
   * `unclear`: sent, and nobody knows whether it was taken. `refused` is for what the service may refuse under the fault of the
   * moment, as a deadline that has passed on its clock.
   */
  state: 'unsent' | 'unclear' | 'accepted' | 'refused'
  cancelAsked: boolean
  /** Of one that is held: whether its release was written. */
  releaseTaken: boolean
  /** Runs beyond the first that were answered with 202, and that were asked for without a clear answer. */
  retriesTaken: number
  retriesUnclear: number
}

export interface JobPlaces {
  readonly topic: string
  readonly bucket: string
  /** Services that answer truly. */
  readonly services: readonly string[]
}

const RECORD_OPERATIONS_MAX = 2_000
/**
 * Of a job that writes to one service only. What writes follows each other at a data producer: 20,000 operations at the slow one take three
 * minutes, and as long again when they are tried again, and the judge waits for eight.
 */
const WRITES_TO_ONE_MAX = 5_000
/** dmi: not responding, unable to read, rejected, busy, unknown, and what a liar may say. */
const FAILURE_CODES = [1, 100, 101, 102, 103, 104, 107, 108]
const STOPPED_CODES = [102, 104, 107]

/** The nth job of a run. */
export function drawJob(chaos: Chaos, places: JobPlaces, name: string): ChaosJob {
  const door = pick(chaos, DOORS)
  const kind = pick(chaos, ['READ', 'WRITE'] as const)
  const destination = chaos.chance(0.3) ? `s3:${places.bucket}` : `kafka:${places.topic}`
  const size = drawSize(chaos)
  const fails = chaos.chance(0.3)
  const services = chaos.chance(0.5) ? places.services : [pick(chaos, places.services)]
  const limits = [
    ...(door.endsWith('record') ? [RECORD_OPERATIONS_MAX] : []),
    ...(kind === 'WRITE' && services.length === 1 ? [WRITES_TO_ONE_MAX] : []),
  ]
  const operations = Math.min(size, ...limits)
  const planned = planJob({
    ...{ kind, destination, services, operations, jobId: `${name}-${chaos.between(0, 2 ** 31)}` },
    ...(fails ? { failEvery: chaos.between(3, 50), unknownEvery: chaos.between(5, 70) } : {}),
  })
  const odd = chaos.chance(0.15)
  const wish = pick(chaos, ['none', 'none', 'none', 'send again', 'send again', 'cancel', 'retry', 'deadline'] as const)
  const fits = wish === 'deadline' ? door === 'jobId' : true
  // Only a record says that its job is to be held.
  const errand = door.endsWith('record') && chaos.chance(0.25) ? 'hold' : fits ? wish : 'none'
  return {
    name,
    planned: odd ? { ...planned, operations: [...planned.operations, ...oddOperations(kind, chaos)] } : planned,
    ...{ door, errand, odd, deadlineMs: chaos.between(500, 15_000) },
    ...{ state: 'unsent', cancelAsked: false, releaseTaken: false, retriesTaken: 0, retriesUnclear: 0 },
  }
}

/** @param run of the job as it ended, by its status */
export function leewayOf(job: ChaosJob, run: number): Leeway {
  const stopped = job.cancelAsked || job.errand === 'deadline'
  return {
    codes: [...(job.odd ? FAILURE_CODES : []), ...(stopped ? STOPPED_CODES : []), ...(job.odd ? [0] : [])],
    runs: run,
    cancelled: job.cancelAsked,
  }
}

export function pick<T>(chaos: Chaos, items: readonly T[]): T {
  const item = items[chaos.between(0, items.length - 1)]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}

function drawSize(chaos: Chaos): number {
  const kind = chaos.between(1, 100)
  if (kind <= 70) return chaos.between(1, 60)
  if (kind <= 96) return chaos.between(100, 1_500)
  return chaos.between(5_000, 20_000)
}
