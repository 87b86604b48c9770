import { describe, expect, it } from 'vitest'
import { bodyOf, chunksOf, readSource, responseTo, sourceOf, subjobFor } from '../../test/contract/sinks.ts'
import type { InputRecord } from '../kafka/port.ts'
import { kafkaSinkDefaults } from '../sinks/kafka/config.ts'
import { KafkaSink } from '../sinks/kafka/sink.ts'
import type { PublishedResults } from '../sinks/sink.ts'
import { WholeEvents } from './whole-events.ts'

const description = { name: 'results', partitions: 1, replicationFactor: 1, config: {} }
const sink = new KafkaSink({
  admin: { describeTopics: () => Promise.resolve([description]) },
  clock: { now: () => 0 },
  config: { ...kafkaSinkDefaults, valueBytesMax: 1_000 },
})

function recordsOf({ records }: PublishedResults): readonly InputRecord[] {
  return records.map(({ topic, key, value, headers = {} }, offset) => {
    return { topic, partition: 0, offset, key: Buffer.from(key ?? ''), value, headers, timestampMs: 0 }
  })
}

function whole(records: readonly InputRecord[]): readonly string[] {
  const delivered: string[] = []
  const events = new WholeEvents(({ value }) => delivered.push(String(value)))
  for (const record of records) events.take(record)
  events.end()
  return delivered
}

describe('an event whose result came in parts', () => {
  it('is what it would have been in one', async () => {
    const json = ` {"n": 1.50, "resultParts":{"id":"x","count":1,"bytes":1}, "t": "${'ä$&'.repeat(1_000)}"}`
    const published = await sink.publish(subjobFor('results', 1), await sourceOf(sink, json))
    expect(published.records.length).toBeGreaterThan(3)
    const [value, ...others] = whole(recordsOf(published))
    expect(others).toEqual([])
    expect(value).toMatch(/^\{"data":\{"responses":\[\{"operationId":0,/)
    expect(value?.endsWith(`],"result":${json}}}`)).toBe(true)
  })

  it.each([
    ['text/csv', Buffer.from('a;"ä"\n'.repeat(500)), 'text', 'utf8'],
    ['image/png', Buffer.alloc(3_000, 0xfe), 'binary', 'base64'],
  ] as const)('of type %s is too', async (contentType, bytes, resultFormat, encoding) => {
    const published = await sink.publish(subjobFor('results', 1), await readSource(sink, chunksOf(bytes, 100), contentType))
    const data = { resultFormat, resultContentType: contentType, result: bytes.toString(encoding) }
    expect(JSON.parse(whole(recordsOf(published))[0] ?? '')).toMatchObject({ data })
  })

  it('has those of several operations, whatever the order in which they are read', async () => {
    const subjob = subjobFor('results', 3)
    const responses = subjob.operations.map((operation, n) => responseTo(operation, { result: ['"resultParts":{'.repeat(100 * n)] }))
    const records = recordsOf(await sink.publish(subjob, await sourceOf(sink, bodyOf(responses))))
    const isPart = ({ headers }: InputRecord): boolean => 'ce_partof' in headers
    const partsFirst = [...records.filter(isPart), ...records.filter((record) => !isPart(record))]
    for (const order of [records, partsFirst]) {
      const all = whole(order).flatMap((value) => (JSON.parse(value) as { data: { responses: object[] } }).data.responses)
      expect(all).toEqual(expect.arrayContaining(responses))
      expect(all).toHaveLength(3)
    }
  })

  it('is as it came when parts are missing', async () => {
    const published = await sink.publish(subjobFor('results', 1), await sourceOf(sink, JSON.stringify('x'.repeat(3_000))))
    const records = recordsOf(published).slice(0, -1)
    expect(whole(records)).toEqual([String(records[0]?.value)])
  })
})
