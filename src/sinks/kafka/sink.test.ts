import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bodyOf, chunksOf, concludingJob, operations, readSource, responseTo, sourceOf, subjobFor } from '../../../test/contract/sinks.ts'
import type { OutputRecord, TopicDescription } from '../../kafka/port.ts'
import { type KafkaSinkConfig, kafkaSinkDefaults } from './config.ts'
import { KafkaSink } from './sink.ts'
import { ValueBuilder } from './value-builder.ts'

const NOW = 1_700_000_100_000

function topicOf(name: string, bytesMax = 1_048_588): TopicDescription {
  return { name, partitions: 1, replicationFactor: 1, config: { 'max.message.bytes': String(bytesMax) } }
}

function kafkaSink(config: Partial<KafkaSinkConfig> = {}, bytesMax?: number): KafkaSink {
  const admin = { describeTopics: (names: readonly string[]) => Promise.resolve(names.map((name) => topicOf(name, bytesMax))) }
  return new KafkaSink({ admin, clock: { now: () => NOW }, config: { ...kafkaSinkDefaults, ...config } })
}

interface PartsReference {
  readonly id: string
  readonly count: number
  readonly bytes: number
}

interface Response {
  readonly operationId: unknown
  readonly statusCode: number
  readonly statusMessage?: string
  readonly resultParts?: PartsReference
}

function responsesOf(value: Buffer | null): readonly Response[] {
  return (JSON.parse(String(value)) as { data: { responses: Response[] } }).data.responses
}

describe('a result event', () => {
  test('has the headers of a CloudEvent in binary mode, and is keyed by the job', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const subjob = { ...subjobFor('results', 1), jobId: 'job-1', traceparent }
    const { records } = await kafkaSink().publish(subjob, { type: 'failure', code: 102, message: 'm' })
    expect(records).toMatchObject([{ topic: 'results', key: 'job-1' }])
    expect(records[0]?.headers).toEqual({
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: 'job-1/3/0',
      ce_source: 'dmi.dmi-1',
      ce_type: 'org.onap.cps.ncmp.events.async1_0_0.DataJobEvent',
      ce_dataschema: 'urn:cps:org.onap.cps.ncmp.events.async1_0_0.DataJobEvent:1.0.0',
      ce_time: '2023-11-14T22:15:00.000Z',
      ce_correlationid: 'job-1',
      ce_destination: 'results',
      traceparent,
    })
  })

  test('of a subjob that no producer was asked for is from us', async () => {
    const { records } = await kafkaSink().publish({ ...subjobFor('results', 1), service: '' }, { type: 'failure', code: 100, message: 'm' })
    expect(records[0]?.headers).toMatchObject({ ce_source: 'datajob' })
    expect(records[0]?.headers).not.toHaveProperty('traceparent')
  })

  test('names a service of any name, in the form that a source must have', async () => {
    const subjob = { ...subjobFor('results', 1), service: 'dmi nörd' }
    const { records } = await kafkaSink().publish(subjob, { type: 'failure', code: 100, message: 'm' })
    expect(records[0]?.headers).toMatchObject({ ce_source: 'dmi.dmi%20n%C3%B6rd' })
  })
})

describe('results larger than a record', () => {
  test('go out as several, numbered, none above the limit, each response as it came', async () => {
    const subjob = subjobFor('results', 50)
    const responses = subjob.operations.map((operation) => responseTo(operation, { result: 'ö'.repeat(40) }))
    const sink = kafkaSink({ valueBytesMax: 1_000 })
    const { records, succeeded } = await sink.publish(subjob, await sourceOf(sink, bodyOf(responses)))
    expect(records.length).toBeGreaterThan(8)
    for (const { value } of records) expect(value?.length).toBeLessThanOrEqual(1_000)
    expect(records.flatMap(({ value }) => responsesOf(value))).toEqual(responses)
    expect(records.map(({ headers }) => headers?.['ce_id'])).toEqual(records.map((_, n) => `${subjob.jobId}/3/${n}`))
    expect(succeeded).toBe(50)
  })

  test('a single response that no record can hold, but for its result, is reported as too large', async () => {
    const subjob = subjobFor('results', 2)
    const [first, second] = subjob.operations
    const sink = kafkaSink({ valueBytesMax: 1_000 })
    const body = bodyOf([responseTo(first!, { statusMessage: 'x'.repeat(1_000) }), responseTo(second!)])
    const { records, ...published } = await sink.publish(subjob, await sourceOf(sink, body))
    expect(responsesOf(records[0]?.value ?? null)).toEqual([
      {
        operationId: 0,
        statusCode: 112,
        statusMessage: expect.stringMatching(/^message too large: the response has 10\d\d bytes, 975 are allowed$/) as string,
        request: { op: 'merge', path: '/ManagedElement=0' },
      },
      responseTo(second!),
    ])
    expect(published).toMatchObject({
      failedOperations: [{ operationId: 0 }],
      ...{ object: null, succeeded: 1, failed: 1, foreign: 0, message: '1 of 2 responses are larger than allowed' },
    })
  })

  test('what exceeds the memory that a subjob may take is reported as too large', async () => {
    const subjob = subjobFor('results', 10)
    const responses = subjob.operations.map((operation) => responseTo(operation, { result: 'x'.repeat(1_000) }))
    const sink = kafkaSink({ subjobBytesMax: 5_000 })
    const { records, succeeded, failed } = await sink.publish(subjob, await sourceOf(sink, bodyOf(responses)))
    const codes = records.flatMap(({ value }) => responsesOf(value)).map(({ statusCode }) => statusCode)
    expect(codes).toEqual([0, 0, 0, 0, 112, 112, 112, 112, 112, 112])
    expect([succeeded, failed]).toEqual([4, 6])
  })

  test('a result without responses is there once, in the first of several records', async () => {
    const sink = kafkaSink({ valueBytesMax: 1_000 })
    const source = await sourceOf(sink, JSON.stringify('x'.repeat(900)))
    const { records } = await sink.publish(subjobFor('results', 20), source)
    expect(records.map(({ value }) => String(value).includes('"result"'))).toEqual([true, ...records.slice(1).map(() => false)])
    expect(records.flatMap(({ value }) => responsesOf(value))).toHaveLength(20)
  })

  test('values are as few and as full as their limit allows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), fc.integer({ min: 90, max: 300 }), (sizes, valueBytesMax) => {
        const builder = new ValueBuilder('results', valueBytesMax)
        const responses = sizes.map((size) => JSON.stringify('x'.repeat(size)))
        for (const response of responses) builder.add(Buffer.from(response))
        const values = builder.finish().map(String)
        const taken = values.map((value) => (JSON.parse(value) as { data: { responses: string[] } }).data.responses)
        expect(taken.flat()).toEqual(responses.map((response) => JSON.parse(response) as string))
        for (const [position, value] of values.entries()) {
          expect(value.length).toBeLessThanOrEqual(valueBytesMax)
          const next = taken[position + 1]?.[0]
          if (next !== undefined) expect(value.length + next.length + 3).toBeGreaterThan(valueBytesMax)
        }
      }),
    )
  })

  test('a response of our own that no record can hold is refused, not written', async () => {
    const subjob = { ...subjobFor('results', 1), operations: [{ ...operations(1)[0]!, operationId: 'x'.repeat(1_000) }] }
    const publish = kafkaSink({ valueBytesMax: 1_000 }).publish(subjob, { type: 'failure', code: 100, message: 'm' })
    await expect(publish).rejects.toMatchObject({ name: 'SinkFailure', disposition: 'reject', code: 'MESSAGE_TOO_LARGE' })
  })
})

interface Part {
  readonly of: string | undefined
  readonly index: number | undefined
  readonly count: number | undefined
  readonly piece: string
}

/** The events with `ce_partof`, and the others. */
function split(records: readonly OutputRecord[]): { readonly wholes: readonly OutputRecord[]; readonly parts: readonly Part[] } {
  const isPart = ({ headers }: OutputRecord): boolean => headers?.['ce_partof'] !== undefined
  const parts = records.filter(isPart).map(({ headers, value }) => {
    const { data } = JSON.parse(String(value)) as { data: { responses: unknown[]; part: string } }
    expect(data.responses).toEqual([])
    const [index, count] = [headers?.['ce_partindex'], headers?.['ce_partcount']].map(Number)
    return { of: headers?.['ce_partof'], index, count, piece: data.part }
  })
  return { wholes: records.filter((record) => !isPart(record)), parts }
}

function joined(parts: readonly Part[], { id, count, bytes }: PartsReference): string {
  const own = parts.filter(({ of }) => of === id)
  expect(own.map((part) => [part.index, part.count])).toEqual(Array.from({ length: count }, (_, n) => [n, count]))
  const whole = Buffer.concat(own.map(({ piece }) => Buffer.from(piece, 'base64')))
  expect(whole.length).toBe(bytes)
  return whole.toString()
}

describe('a result that no record can hold', () => {
  const sink = kafkaSink({ valueBytesMax: 1_000 })

  test('is cut into parts, each of them an event that reports no operation', async () => {
    const subjob = subjobFor('results', 2)
    const body = ` {"tree": "${'ä'.repeat(2_000)}", "n": 1.50}\n`
    const { records, ...published } = await sink.publish(subjob, await sourceOf(sink, body))
    const { wholes, parts } = split(records)
    expect(wholes).toHaveLength(1)
    const { data } = JSON.parse(String(wholes[0]?.value)) as { data: { resultParts: PartsReference } }
    expect(data).not.toHaveProperty('result')
    expect(joined(parts, data.resultParts)).toBe(body)
    for (const { value } of records) expect(value?.length).toBeLessThanOrEqual(1_000)
    expect(records.map(({ headers }) => headers?.['ce_id'])).toEqual(records.map((_, n) => `${subjob.jobId}/3/${n}`))
    expect(published).toMatchObject({ succeeded: 2, failed: 0, message: null })
  })

  test('says in the first event what it is', async () => {
    const source = await readSource(sink, chunksOf(Buffer.alloc(3_000, 0xff), 100), 'image/png')
    const { records } = await sink.publish(subjobFor('results', 1), source)
    const facts = { resultFormat: 'binary', resultContentType: 'image/png', resultParts: { count: 5, bytes: 3_000 } }
    expect(JSON.parse(String(records[0]?.value))).toMatchObject({ data: facts })
  })

  test('and is of one operation: the others are whole, and so is all else of its response', async () => {
    const subjob = subjobFor('results', 3)
    const [first, second, third] = subjob.operations
    const large = { statusCode: 104, result: { a: 'x"ä'.repeat(500) }, 'ö': 1 }
    const body = bodyOf([responseTo(first!), responseTo(second!, large), responseTo(third!, { result: ['y'.repeat(2_000)] })])
    const { records, ...published } = await sink.publish(subjob, await sourceOf(sink, body.replace('"ö":1', '"ö":1.0')))
    const { wholes, parts } = split(records)
    const responses = wholes.flatMap(({ value }) => responsesOf(value))
    expect(responses).toMatchObject([{ operationId: 0 }, { operationId: 'op-1', statusCode: 104 }, { operationId: 2, statusCode: 0 }])
    expect(String(wholes[0]?.value)).toContain('"ö":1.0}')
    expect(responses[1]).not.toHaveProperty('result')
    expect(joined(parts, responses[1]!.resultParts!)).toBe(JSON.stringify(large.result))
    expect(joined(parts, responses[2]!.resultParts!)).toBe(JSON.stringify(['y'.repeat(2_000)]))
    expect(published).toMatchObject({ succeeded: 2, failed: 1, message: null })
  })

  test.each([
    ['has its result twice', { result: 'x'.repeat(2_000), again: 'x' }, '"again"'],
    ['has such parts already', { result: 'x'.repeat(2_000), resultParts: 1 }, ''],
  ])('stays too large where its response %s', async (_, more, renamed) => {
    const subjob = subjobFor('results', 1)
    const body = bodyOf([responseTo(subjob.operations[0]!, more)]).replace(renamed, renamed && '"result"')
    const { records } = await sink.publish(subjob, await sourceOf(sink, body))
    expect(records.flatMap(({ value }) => responsesOf(value))).toMatchObject([{ operationId: 0, statusCode: 112 }])
  })

  test('and is larger than the memory that a subjob may take fails every operation', async () => {
    const small = kafkaSink({ valueBytesMax: 1_000, subjobBytesMax: 5_000 })
    const source = await sourceOf(small, JSON.stringify('x'.repeat(6_000)))
    const { records, ...published } = await small.publish(subjobFor('results', 2), source)
    expect(records.flatMap(({ value }) => responsesOf(value)).map(({ statusCode }) => statusCode)).toEqual([112, 112])
    expect(published).toMatchObject({ succeeded: 0, failed: 2, message: 'the result has more than the 5000 bytes allowed' })
  })

  test('fails every operation where parts would be too small to be worth it', async () => {
    const tiny = kafkaSink({ valueBytesMax: 340 })
    const source = await sourceOf(tiny, JSON.stringify('x'.repeat(3_000_000)))
    const { records } = await tiny.publish(subjobFor('results', 1), source)
    expect(records.flatMap(({ value }) => responsesOf(value))).toMatchObject([{ statusCode: 112 }])
  })
})

describe('a topic whose batches are small', () => {
  const BATCH_BYTES_MAX = 3_000

  test('gets more events, each of which is a batch that it takes', async () => {
    const subjob = subjobFor('results', 50)
    const responses = subjob.operations.map((operation) => responseTo(operation, { result: 'ö'.repeat(40) }))
    const sink = kafkaSink({}, BATCH_BYTES_MAX)
    const { records } = await sink.publish(subjob, await sourceOf(sink, bodyOf(responses)))
    expect(records.length).toBeGreaterThan(3)
    expect(records.flatMap(({ value }) => responsesOf(value))).toEqual(responses)
    for (const { value, key, headers, batchBytesMax } of records) {
      const texts = [key, ...Object.entries(headers ?? {}).flat()].join('')
      expect((value?.length ?? 0) + texts.length + 61).toBeLessThanOrEqual(BATCH_BYTES_MAX)
      expect(batchBytesMax).toBe(BATCH_BYTES_MAX)
    }
  })

  test('gets parts, each of which with its headers is a batch that it takes', async () => {
    const sink = kafkaSink({}, BATCH_BYTES_MAX)
    const { records } = await sink.publish(subjobFor('results', 1), await sourceOf(sink, JSON.stringify('x'.repeat(20_000))))
    expect(records.length).toBeGreaterThan(10)
    for (const { value, key, headers } of records) {
      const texts = [key, ...Object.entries(headers ?? {}).flat()].join('')
      expect((value?.length ?? 0) + texts.length + 61).toBeLessThanOrEqual(BATCH_BYTES_MAX)
    }
  })

  test('and has no room for any event: the results are refused, and so is the completion event', async () => {
    const sink = kafkaSink({}, 500)
    const refusal = { name: 'SinkFailure', disposition: 'reject', message: expect.stringContaining('topic "results" has room') as string }
    const published = sink.publish(subjobFor('results', 1), { type: 'failure', code: 100, message: 'm' })
    await expect(published).rejects.toMatchObject(refusal)
    const concluded = sink.conclude({ job: concludingJob('job-1'), destination: 'results', objects: [] })
    await expect(concluded).rejects.toMatchObject(refusal)
  })
})

describe('the completion event', () => {
  test("says the job's status and counts, as its last record", async () => {
    const [record, ...others] = await kafkaSink().conclude({ job: concludingJob('job-1'), destination: 'results', objects: [] })
    expect(others).toEqual([])
    expect(record).toMatchObject({ topic: 'results', key: 'job-1' })
    expect(record?.headers).toMatchObject({
      ce_id: 'job-1/completion',
      ce_type: 'org.onap.cps.ncmp.events.async1_0_0.DataJobCompletionEvent',
      ce_dataschema: 'urn:cps:org.onap.cps.ncmp.events.async1_0_0.DataJobCompletionEvent:1.0.0',
      ce_source: 'datajob',
      ce_correlationid: 'job-1',
      ce_destination: 'results',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    expect(JSON.parse(String(record?.value))).toEqual({
      data: {
        jobId: 'job-1',
        status: 'PARTIALLY_FAILED',
        counts: {
        operations: { total: 5, succeeded: 4, failed: 1 },
        subjobs: { total: 2, succeeded: 1, partiallyFailed: 1, failed: 0, cancelled: 0 },
      },
        startedAt: '2023-11-14T22:13:20.000Z',
        finishedAt: '2023-11-14T22:15:00.000Z',
      },
    })
  })

  test.each([
    ['succeeded', 'FINISHED'],
    ['failed', 'FAILED'],
  ] as const)('calls a job that %s %s, with the reason where there is one', async (outcome, status) => {
    const job = { ...concludingJob('job-1'), outcome, message: 'because' }
    const [record] = await kafkaSink().conclude({ job, destination: 'results', objects: [] })
    expect(JSON.parse(String(record?.value))).toMatchObject({ data: { status, message: 'because' } })
  })
})
