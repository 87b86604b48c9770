/** What a scenario measured, and how that is judged. */

/** Where a figure has to be: against the peer's median of the same run, or against a number. */
export type Target =
  | { readonly type: 'timesPeer'; readonly atLeast: number }
  | { readonly type: 'number'; readonly atMost: number }
  | { readonly type: 'number'; readonly atLeast: number }

export interface Figure {
  /** `scenario` or `scenario.what`. */
  readonly scenario: string
  readonly unit: string
  /** One of each run. */
  readonly ours: readonly number[]
  /** The peer's, of the same runs; none where there is no peer or it could not be had here. */
  readonly peer: readonly number[]
  readonly peerName: string | null
  /** Null for what is only told. */
  readonly target: Target | null
}

/** A figure as the JSON file holds it. */
export interface JudgedFigure {
  readonly scenario: string
  readonly unit: string
  /** Medians. */
  readonly ours: number
  readonly peer: number | null
  readonly peerName: string | null
  /** Ours by the peer's. */
  readonly ratio: number | null
  readonly target: string | null
  /** Null where there is nothing to judge it by. */
  readonly met: boolean | null
  readonly runs: { readonly ours: readonly number[]; readonly peer: readonly number[] }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value that a share of all is at or below, between neighbours where none is exactly there. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('there is nothing to take a quantile of')
  const sorted = [...values].sort((one, other) => one - other)
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)] as number
  const above = sorted[Math.ceil(place)] as number
  return below + (above - below) * (place - Math.floor(place))
}

export function judged(figure: Figure): JudgedFigure {
  const { scenario, unit, peerName, target } = figure
  const ours = median(figure.ours)
  const peer = figure.peer.length === 0 ? null : median(figure.peer)
  const ratio = peer === null || peer === 0 ? null : ours / peer
  return {
    ...{ scenario, unit, ours, peer, peerName, ratio, target: targetText(figure), met: isMet(target, ours, ratio) },
    runs: { ours: figure.ours, peer: figure.peer },
  }
}

function isMet(target: Target | null, ours: number, ratio: number | null): boolean | null {
  if (target === null) return null
  if (target.type === 'timesPeer') return ratio === null ? null : ratio >= target.atLeast
  return 'atMost' in target ? ours <= target.atMost : ours >= target.atLeast
}

function targetText({ target, unit, peerName }: Figure): string | null {
  if (target === null) return null
  if (target.type === 'timesPeer') return `at least ${target.atLeast} times ${peerName ?? 'the peer'}`
  return 'atMost' in target ? `at most ${target.atMost} ${unit}` : `at least ${target.atLeast} ${unit}`
}
