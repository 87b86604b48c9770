import type { StackEndpoints } from '../../stack/stack.ts'
import type { Figure } from './figures.ts'

/** What all scenarios of one command have in common. */
export interface Bench {
  /** How often each thing is measured; what is done to warm up is not counted. */
  readonly runs: number
  /** True in CI, where scenarios are only to be seen to work: everything is as small as it can be. */
  readonly tiny: boolean
  /** The servers, started for the command when they are asked for first. */
  readonly stack: () => Promise<StackEndpoints>
  /** A line for the person who waits. */
  readonly say: (line: string) => void
}

export interface Scenario {
  readonly name: string
  /** What is done and measured, in a sentence or two. */
  readonly about: string
  measure(bench: Bench): Promise<readonly Figure[]>
}

/** A number for the real thing, and one for the tiny form. */
export function sized({ tiny }: Bench, real: number, small: number): number {
  return tiny ? small : real
}

/** Measures ours and the peer's in turn, so that both see the same machine. */
export async function paired<Ours, Peer>(
  { runs }: Bench,
  ours: () => Promise<Ours>,
  peer: () => Promise<Peer>,
): Promise<{ readonly ours: readonly Ours[]; readonly peer: readonly Peer[] }> {
  const all = { ours: [] as Ours[], peer: [] as Peer[] }
  for (let run = 0; run < runs; run += 1) {
    all.peer.push(await peer())
    all.ours.push(await ours())
  }
  return all
}
