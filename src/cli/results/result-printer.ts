/** Results as they are printed: a line for each operation, or JSON with every value as it was published. */
import { isSuccess } from '../../domain/response-code.ts'
import type { InputRecord } from '../../kafka/port.ts'
import type { OutputFormat } from '../options.ts'
import { type Pane, printLines } from '../output/screen.ts'
import { formatBytes } from '../output/units.ts'
import { clipVisible, oneLine } from '../output/width.ts'
import type { Manifest } from './manifest.ts'
import { isCompletion, type OperationReport, reportsOf, sharedResultOf } from '../../results/result-event.ts'

export interface ResultPrinter {
  readonly event: (record: InputRecord) => void
  readonly object: (object: PrintedObject) => void
  readonly manifest: (object: { readonly bucket: string; readonly key: string; readonly manifest: Manifest }) => void
}

export interface PrintedObject {
  readonly bucket: string
  readonly key: string
  readonly bytes: number
  /** Null for one that is too large to be shown. */
  readonly value: Buffer | null
}

export function resultPrinter(
  out: Pane,
  { output, headers = false }: { readonly output: OutputFormat; readonly headers?: boolean },
): ResultPrinter {
  if (output === 'json') return jsonPrinter(out)
  return headers ? eventPrinter(out) : linePrinter(out)
}

function jsonPrinter(out: Pane): ResultPrinter {
  const print = (facts: object, value: string): void => {
    out.write(`${JSON.stringify(facts).slice(0, -1)},"value":${value}}\n`)
  }
  return {
    event: ({ topic, partition, offset, timestampMs, key, headers, value }) => {
      print({ topic, partition, offset, timestampMs, key: key?.toString() ?? null, headers }, jsonLine(value))
    },
    object: ({ bucket, key, bytes, value }) => {
      print({ bucket, key, bytes }, jsonLine(value))
    },
    manifest: ({ bucket, key, manifest }) => {
      print({ bucket, key }, JSON.stringify(manifest))
    },
  }
}

/** JSON on one line, otherwise as it came; null for what is none. */
export function jsonLine(value: Buffer | null): string {
  const text = value?.toString() ?? ''
  try {
    JSON.parse(text)
  } catch {
    return 'null'
  }
  // Within JSON's strings there are no bare line feeds.
  return text.replaceAll(/[\r\n]+\s*/g, '')
}

function linePrinter(out: Pane): ResultPrinter {
  let hasHeading = false
  const print = (lines: readonly string[]): void => {
    if (!hasHeading) printLines(out, [out.paint('bold', composeLine(['code', 'operation', 'request', 'result']))])
    hasHeading = true
    printLines(out, lines)
  }
  const printValue = (value: Buffer | null, where: string): void => {
    const reports = reportsOf(value)
    if (reports === null) print([out.paint('dim', `${where}: not an event of operations`)])
    else print([...reports.map((report) => lineOf(report, out)), ...sharedLines(value, out)])
  }
  return {
    event: (record) => {
      if (!isCompletion(record))
        printValue(record.value, `partition ${record.partition}, offset ${record.offset}`)
    },
    object: ({ key, bytes, value }) => {
      if (value === null) print([out.paint('dim', `${key}: ${formatBytes(bytes)}, too large to be shown`)])
      else printValue(value, key)
    },
    manifest: () => undefined,
  }
}

function lineOf({ operationId, statusCode, statusMessage, op, path, result }: OperationReport, out: Pane): string {
  const succeeded = statusCode !== undefined && isSuccess(statusCode)
  const said = succeeded ? JSON.stringify(result ?? null) : statusMessage
  const line = composeLine([String(statusCode ?? '?'), String(operationId), `${op} ${path}`, said].map(oneLine))
  const shown = out.isTty ? clipVisible(line, out.columns()) : line
  return succeeded ? shown : out.paint('red', shown)
}

/** The result of all operations of a subjob, where it has one. */
function sharedLines(value: Buffer | null, out: Pane): readonly string[] {
  const result = sharedResultOf(value)
  if (result === undefined) return []
  const line = composeLine(['', '(of all above)', '', oneLine(JSON.stringify(result))])
  return [out.isTty ? clipVisible(line, out.columns()) : line]
}

const OPERATION_WIDTH = 16
const REQUEST_WIDTH = 64

function composeLine([code = '', operation = '', request = '', result = '']: readonly string[]): string {
  return `${code.padStart(4)}  ${operation.padEnd(OPERATION_WIDTH)}  ${request.padEnd(REQUEST_WIDTH)}  ${result}`
}

function eventPrinter(out: Pane): ResultPrinter {
  return {
    ...linePrinter(out),
    event: (record) => {
      printLines(out, [...renderEvent(record, out), ''])
    },
  }
}

/** An event with its headers, one below the other, and its value on one line. */
export function renderEvent(
  { partition, offset, key, headers, value }: InputRecord,
  { paint }: Pick<Pane, 'paint'>,
): string[] {
  const names = Object.keys(headers)
  const width = Math.max(0, ...names.map(({ length }) => length))
  const shown = jsonLine(value)
  return [
    paint('bold', `partition ${partition}, offset ${offset}`) + paint('dim', `  key ${oneLine(key?.toString() ?? '')}`),
    ...names.map((name) => `  ${paint('cyan', oneLine(name.padEnd(width)))}  ${oneLine(headers[name] ?? '')}`),
    `  ${shown === 'null' ? paint('dim', `${value?.length ?? 0} bytes that are not JSON`) : shown}`,
  ]
}
