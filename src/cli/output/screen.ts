/**
 * Where a command writes: what was asked for goes to stdout, everything else (progress, notes, errors) to stderr, so
 * that stdout can be piped on.
 */
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Paint = (style: Style | Style[], text: string) => string

/** A stream that text is written to, with what decides how that text looks. */
export interface Pane {
  /** Whether a person looks at it: then it is coloured and redrawn in place. */
  readonly isTty: boolean
  /** Columns of the terminal now; a usual width where there is no terminal. */
  readonly columns: () => number
  readonly paint: Paint
  readonly write: (text: string) => void
}

export interface Screen {
  readonly out: Pane
  readonly err: Pane
}

/** What is needed of process.stdout and process.stderr. */
export interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

type Environment = Readonly<Record<string, string | undefined>>

const COLUMNS_WITHOUT_TERMINAL = 100

export function screenOf(
  streams: { readonly out: OutputStream; readonly err: OutputStream },
  env: Environment,
): Screen {
  return { out: paneOf(streams.out, env), err: paneOf(streams.err, env) }
}

function paneOf(stream: OutputStream, env: Environment): Pane {
  const isTty = stream.isTTY === true && env['TERM'] !== 'dumb'
  const coloured = isTty && (env['NO_COLOR'] ?? '') === ''
  return {
    isTty,
    columns: () => stream.columns ?? COLUMNS_WITHOUT_TERMINAL,
    paint: coloured ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text,
    write: (text) => {
      stream.write(text)
    },
  }
}

/** Writes the lines, each with its line feed. */
export function printLines(pane: Pane, lines: readonly string[]): void {
  if (lines.length > 0) pane.write(`${lines.join('\n')}\n`)
}
