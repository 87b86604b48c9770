import type { Paint } from './screen.ts'

export interface Progress {
  readonly total: number
  readonly succeeded: number
  readonly failed: number
}

const FULL = '━'
const WIDTH_MIN = 10
const WIDTH_MAX = 40

/** A bar of that many columns: done in green, failed in red, the rest dim. Without colours the rest is dots. */
export function renderBar(progress: Progress, width: number, paint: Paint): string {
  const { total, succeeded, failed } = progress
  const cells = (count: number): number => (total === 0 ? 0 : Math.round((Math.min(count, total) / total) * width))
  const done = cells(succeeded + failed)
  // What failed is seen, however little it is.
  const red = failed === 0 ? 0 : Math.min(done, Math.max(1, cells(failed)))
  const rest = paint('dim', '·'.repeat(width - done))
  return `${paint('green', FULL.repeat(done - red))}${paint('red', FULL.repeat(red))}${rest}`
}

/** As many columns for bars as a terminal has left beside the text around them. */
export function barWidth(columns: number, textWidth: number): number {
  return Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, columns - 1 - textWidth))
}

/** `250/500` with the first number padded, so that bars below each other don't move. */
export function formatProgress({ total, succeeded, failed }: Progress): string {
  const all = String(total)
  return `${String(succeeded + failed).padStart(all.length)}/${all}`
}
