/** Options that several commands have, and readers of option values. */
import { InvalidArgumentError, Option } from 'commander'
import type { Cli } from './cli.ts'
import type { Pane } from './output/screen.ts'

export type OutputFormat = 'json' | 'table'

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'json for programs, table for people')
    .choices(['json', 'table'])
    .default('table')
}

/** One JSON document on stdout. */
export function printJson(pane: Pane, value: unknown): void {
  pane.write(`${JSON.stringify(value, undefined, 2)}\n`)
}

/** One of several JSON documents, on a line of its own. */
export function printJsonLine(pane: Pane, value: unknown): void {
  pane.write(`${JSON.stringify(value)}\n`)
}

/** A line for whoever waits. On stderr, so that it is never in the way of results. */
export function note(cli: Pick<Cli, 'screen'>, line: string): void {
  const { err } = cli.screen
  err.write(`${err.paint('dim', line)}\n`)
}

/** Reads a whole number between bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It has to be a whole number from ${min} to ${max}.`)
  }
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Reads `500ms`, `30s`, `5m`, `2h`; a number alone counts seconds. Answers milliseconds. */
export function durationMs(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? []
  const factor = unitMs[unit]
  if (number === undefined || factor === undefined) {
    throw new InvalidArgumentError('It has to be a duration, as in 500ms, 30s, 5m or 2h.')
  }
  return Math.round(Number(number) * factor)
}
