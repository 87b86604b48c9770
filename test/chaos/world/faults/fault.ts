import type { Chaos } from '../../../harness/chaos.ts'
import type { World } from '../world.ts'

/** What the fault may have. */
export interface FaultContext {
  readonly world: World
  readonly chaos: Chaos
  /** Aborted when faults have to end: what waits for something that does not come gives up. */
  readonly stop: AbortSignal
}

export interface Fault {
  /** What is counted, as `kill -9`. */
  readonly kind: string
  /** Which one of the kind, as the name of a failpoint; empty where there is one only. */
  readonly detail: string
  /** It needs a stack of three brokers. */
  readonly brokers?: 3
  /** A process may end by itself under it, as one does whose disk is full. */
  readonly mayEnd?: true
  /** Does it, and ends it: what is left is to recover. Resolves to what was done, in a few words. */
  run(context: FaultContext): Promise<string>
}
