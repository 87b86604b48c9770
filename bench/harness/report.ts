/** Figures for people. */
import type { JudgedFigure } from './figures.ts'

/** A line for each figure, in columns. */
export function table(figures: readonly JudgedFigure[]): string {
  const rows = [HEAD, ...figures.map(rowOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}

/** Whole numbers from a hundred on, else three digits that count. */
export function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
}

const HEAD: readonly string[] = ['scenario', 'ours', 'spread', 'peer', 'spread', 'ratio', 'unit', 'target', 'met']

function rowOf({ scenario, unit, ours, peer, peerName, ratio, target, met, runs }: JudgedFigure): readonly string[] {
  const theirs = peer === null ? '' : `${short(peer)} ${peerName ?? ''}`
  const judgement = met === null ? '' : met ? 'yes' : 'NO'
  const byPeer = ratio === null ? '' : short(ratio)
  return [scenario, short(ours), spread(runs.ours), theirs, spread(runs.peer), byPeer, unit, target ?? '', judgement]
}

function spread(values: readonly number[]): string {
  return values.length < 2 ? '' : `${short(Math.min(...values))}..${short(Math.max(...values))}`
}
