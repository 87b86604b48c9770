import { describe, expect, it } from 'vitest'
import type { InputRecord } from '../../kafka/port.ts'
import type { Pane } from '../output/screen.ts'
import { COMPLETION_TYPE, RESULT_TYPE } from '../../sinks/kafka/event-headers.ts'
import { renderEvent, resultPrinter } from './result-printer.ts'

function pane(): { out: Pane; lines: () => string[] } {
  let text = ''
  const out: Pane = {
    isTty: false,
    columns: () => 80,
    paint: (_, shown) => shown,
    write: (written) => {
      text += written
    },
  }
  return { out, lines: () => text.split('\n').slice(0, -1) }
}

const response = (operationId: string, statusCode: number): object => ({
  ...{ operationId, statusCode, statusMessage: 'said so' },
  request: { op: 'read', path: '/A=1' },
  result: { a: 1 },
})

function record(value: string, type = RESULT_TYPE): InputRecord {
  const headers = { ce_type: type, ce_correlationid: 'job-1' }
  return {
    topic: 't',
    partition: 2,
    offset: 7,
    key: Buffer.from('job-1'),
    value: Buffer.from(value),
    headers,
    timestampMs: 5,
  }
}

const event = record(JSON.stringify({ data: { responses: [response('a', 0), response('b', 104)] } }))

describe('results as lines', () => {
  it('are one for each operation, with the result or why there is none', () => {
    const { out, lines } = pane()
    resultPrinter(out, { output: 'table' }).event(event)
    const [heading, first, second] = lines()
    expect(heading).toMatch(/^code {2}operation +request +result$/)
    expect(first).toMatch(/^ {3}0 {2}a +read \/A=1 +\{"a":1\}$/)
    expect(second).toMatch(/^ 104 {2}b +read \/A=1 +said so$/)
  })

  it('say what the result of all operations is, and where one is that has not come', () => {
    const { out, lines } = pane()
    const printer = resultPrinter(out, { output: 'table' })
    printer.event(record(JSON.stringify({ data: { responses: [response('a', 0)], result: { tree: [] } } })))
    printer.event(record(JSON.stringify({ data: { responses: [], resultParts: { id: 'x' } } })))
    expect(lines().slice(2)).toEqual([
      expect.stringMatching(/^ {6}\(of all above\) +\{"tree":\[\]\}$/),
      expect.stringMatching(/^ {6}\(of all above\) +\{"id":"x"\}$/),
    ])
  })

  it('name an object that is too large to be shown', () => {
    const { out, lines } = pane()
    const object = { bucket: 'b', key: 'job-1/0000000.json', bytes: 1_500_000_000, value: null }
    resultPrinter(out, { output: 'table' }).object(object)
    expect(lines().slice(1)).toEqual(['job-1/0000000.json: 1.5 GB, too large to be shown'])
    resultPrinter(out, { output: 'json' }).object(object)
    expect(lines().at(-1)).toBe('{"bucket":"b","key":"job-1/0000000.json","bytes":1500000000,"value":null}')
  })

  it('say where a value is that is none of ours, and leave the last event out', () => {
    const { out, lines } = pane()
    const printer = resultPrinter(out, { output: 'table' })
    printer.event(record('no json'))
    printer.event(record('{"data":{}}', COMPLETION_TYPE))
    expect(lines().slice(1)).toEqual(['partition 2, offset 7: not an event of operations'])
  })
})

describe('results as JSON', () => {
  it('keep every digit of the value, on one line', () => {
    const { out, lines } = pane()
    resultPrinter(out, { output: 'json' }).event(record('{\n  "data": 1.50\n}'))
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toContain('"headers":{"ce_type":"')
    expect(lines()[0]).toMatch(/,"value":\{"data": 1\.50\}\}$/)
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ topic: 't', partition: 2, offset: 7, key: 'job-1' })
  })

  it('have null for a value that is not JSON', () => {
    const { out, lines } = pane()
    resultPrinter(out, { output: 'json' }).event(record('\x00'))
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ value: null })
  })
})

describe('renderEvent', () => {
  it('shows all headers and the value', () => {
    expect(renderEvent(record('{"data":1}'), pane().out)).toEqual([
      'partition 2, offset 7  key job-1',
      `  ce_type           ${RESULT_TYPE}`,
      '  ce_correlationid  job-1',
      '  {"data":1}',
    ])
  })
})
