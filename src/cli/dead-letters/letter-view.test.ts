import { describe, expect, it } from 'vitest'
import { deadLetterOf } from '../../kafka/dead-letters.ts'
import { renderTable } from '../output/table.ts'
import type { KnownLetter, Redriven } from './letter-log.ts'
import type { ShownValue } from './letter-value.ts'
import { factsOf, fullLetterOf, letterColumns, renderLetter } from './letter-view.ts'

const plain = { paint: (_: unknown, text: string): string => text }

function known(redriven: Redriven | null, headers: Readonly<Record<string, string>> = {}): KnownLetter {
  const origin = { datajob_origin_topic: 't.commands', datajob_origin_partition: '3', datajob_origin_offset: '912' }
  const cause = 'path: too long,\x1b[2J Bearer abcdefghijk'
  const facts = { datajob_origin_timestamp: '1000', datajob_stage: 'coordinator', datajob_cause: cause }
  const place = { topic: 't.dead-letters', partition: 0, offset: 17, timestampMs: 61_000 }
  const record = { ...place, key: Buffer.from('job-1'), value: Buffer.from('{}'), headers: { ...origin, ...facts, ...headers } }
  const letter = deadLetterOf(record)
  if (letter === null) throw new Error('it is no letter')
  return { letter, redriven }
}

const value: ShownValue = { format: 'json', bytes: 2_000, content: '{\n\t"a":\x1b1', truncated: true, problem: null }

describe('a dead letter on the screen', () => {
  it('is a line of a list, which cannot be left', () => {
    const [, line] = renderTable(letterColumns, [factsOf(known(null))], plain.paint)
    expect(line).toMatch(/^0-17 +1970-01-01 00:01:01Z +t\.commands-3-912 +job-1 +no +path: too long,\ufffd\[2J Bearer \(redacted\)$/)
  })

  it('has all that is known of it, and its value, line by line', () => {
    const letter = known({ times: 2, lastMs: 62_000 }, { authorization: 's3cret', traceparent: '00-1' })
    expect(renderLetter(fullLetterOf(letter, value), plain)).toEqual([
      'dead letter  0-17, set aside 1970-01-01 00:01:01Z by the coordinator',
      'cause        path: too long,\ufffd[2J Bearer (redacted)',
      'came from    t.commands, partition 3, offset 912, written 1970-01-01 00:00:01Z',
      'key          job-1',
      'header       authorization: (redacted)',
      'header       traceparent: 00-1',
      're-driven    2 times, last 1970-01-01 00:01:02Z',
      'value        2.0 kB of JSON',
      '{',
      '  "a":\ufffd1',
      '… the rest is not shown',
    ])
  })

  it('says what its value is that cannot be read', () => {
    const shown = (changes: Partial<ShownValue>): string | undefined =>
      renderLetter(fullLetterOf(known(null), { ...value, content: '', truncated: false, ...changes }), plain).at(-1)
    expect(shown({ format: 'none', bytes: 0 })).toBe('value        none')
    expect(shown({ format: 'hex', problem: 'no schema 7' })).toBe(
      'value        2.0 kB that are neither Avro that can be read, nor JSON, nor text: no schema 7',
    )
  })
})
