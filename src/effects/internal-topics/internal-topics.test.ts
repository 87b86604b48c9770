import { describe, expect, it, vi } from 'vitest'
import { ManualTime } from '../../../test/fakes/manual-time.ts'
import { MemoryTopics } from '../../../test/fakes/memory-topics.ts'
import { KafkaFailure } from '../../kafka/port.ts'
import { HeapOperations } from '../../stages/operation-store.ts'
import { InternalTopics, type InternalTopicsOptions, type CollectRequest, type TopicResults } from './internal-topics.ts'

const TOPIC = 'internal'
const START = 1_000_000
const WAIT_MS = 60_000

interface Event {
  readonly job?: string
  readonly source?: string | null
  readonly partition?: number
  readonly at?: number
  readonly text?: string
  /** Operation ids with the result of each. */
  readonly responses?: Readonly<Record<string, string>>
}

function bench(options: Partial<InternalTopicsOptions> = {}) {
  const time = new ManualTime(START)
  const kafka = new MemoryTopics({ [TOPIC]: 2 })
  const outcomes: string[] = []
  const topics = new InternalTopics({
    ...{ kafka, timers: time, limits: { valueBytesMax: 10_000, depthMax: 20 } },
    isService: (name) => name === 'north' || name === 'south',
    observe: (_topic, _event, outcome) => outcomes.push(outcome),
    ...{ recentBytesMax: 100_000, subjobBytesMax: 50_000, collectedBytesMax: 200_000 },
    ...options,
  })
  const write = ({ job = 'job-1', source = 'dmi.north', partition = 0, at = START, text, responses = {} }: Event): void => {
    const data = Object.entries(responses).map(([operationId, result]) => ({ operationId, statusCode: 0, result }))
    const headers = { ce_correlationid: job, ...(source === null ? {} : { ce_source: source }) }
    const value = text ?? JSON.stringify({ data: { responses: data } })
    kafka.append({ topic: TOPIC, partition, value, headers, timestampMs: at })
  }
  const collect = (operationIds: readonly (string | number)[], request: Partial<CollectRequest> = {}): Promise<TopicResults> =>
    topics.collect({
      ...{ topic: TOPIC, since: START, waitMs: WAIT_MS, signal: new AbortController().signal },
      ...{ service: 'north', correlationIds: ['job-1', 'job-1/0', 'dpj-1'], certainSince: null },
      operations: new HeapOperations(
        operationIds.map((operationId) => {
          return { operationId, op: 'read', path: `/Me=${operationId}`, moduleSetTag: '', value: null, options: null }
        }),
      ),
      ...request,
    })
  return { time, kafka, outcomes, topics, write, collect }
}

interface Shown {
  readonly operationId: string | number
  readonly statusCode: number
  readonly statusMessage?: string
  readonly result?: string
}

function shown({ responses }: TopicResults): readonly Shown[] {
  return responses.map(({ raw }) => JSON.parse(raw.toString()) as Shown)
}

function resultsOf(results: TopicResults): readonly (string | undefined)[] {
  return shown(results).map(({ result }) => result)
}

/** All that can happen without time passing has happened. */
async function settled(): Promise<void> {
  for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve))
}

describe('results on a topic of a plugin', () => {
  it('are found on all partitions, whether they came before the call or come after it', async () => {
    const { write, collect } = bench()
    write({ responses: { a: 'before' } })
    write({ responses: { b: 'long before the call' }, at: START - 55_000, partition: 1 })
    const found = collect(['a', 'b', 'c'])
    await settled()
    write({ responses: { c: 'after' }, partition: 1 })
    expect(resultsOf(await found)).toEqual(['before', 'long before the call', 'after'])
  })

  it('are those with the id of the job, of the subjob or of the producer, and each as it came', async () => {
    const { write, collect } = bench()
    write({ job: 'job-1', text: '{"data":{"responses":[{"operationId":"a","statusCode": 0, "n":1.0}]}}' })
    write({ job: 'job-1/0', text: '[{"operationId":2,"statusCode":"0"}]' })
    write({ job: 'dpj-1', text: '{"responses":[{"operationId":"3","statusCode":104}]}' })
    const { responses } = await collect(['a', '2', 3])
    expect(responses.map(({ raw }) => raw.toString())).toEqual([
      '{"operationId":"a","statusCode": 0, "n":1.0}',
      '{"operationId":2,"statusCode":"0"}',
      '{"operationId":"3","statusCode":104}',
    ])
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([0, 0, 104])
  })

  it('of other jobs, other plugins and other operations are left out, and so is what nobody can read', async () => {
    const { write, collect, outcomes, topics } = bench()
    const found = collect(['a'])
    await settled()
    write({ job: 'job-2', responses: { a: 'of another job' } })
    write({ source: 'dmi.south', responses: { a: 'of another plugin' } })
    write({ source: 'south', responses: { a: 'of another plugin' } })
    write({ source: 'dmi.unheard-of', responses: { a: 'of another plugin' } })
    write({ responses: { z: 'for another subjob' } })
    write({ text: 'no JSON' })
    write({ text: '{"data":{"responses":[{"operationId":"a","result":"' + 'x'.repeat(20_000) + '"}]}}' })
    write({ source: 'DMI', responses: { a: 'ours' } })
    expect(resultsOf(await found)).toEqual(['ours'])
    await topics.close()
    expect(outcomes.sort()).toEqual(['foreign', 'foreign', 'foreign', 'taken', 'unclaimed', 'unclaimed', 'unreadable', 'unreadable'])
  })

  it.each([null, '', 'north', 'dmi.north', 'urn:some:plugin'])('may have the source %s', async (source) => {
    const { write, collect } = bench()
    write({ source, responses: { a: 'ours' } })
    expect(resultsOf(await collect(['a']))).toEqual(['ours'])
  })

  it('that came several times count once, the newest of them, on whatever partition', async () => {
    const { write, collect } = bench()
    write({ responses: { a: 'newest', b: 'only' }, at: START + 2, partition: 1 })
    write({ responses: { a: 'older' }, at: START + 1 })
    write({ responses: { a: 'same' }, at: START - 5 })
    expect(resultsOf(await collect(['a', 'b']))).toEqual(['newest', 'only'])
  })

  it('are not concluded before all that stood there at the call was read: a second attempt replaces what the first one wrote', async () => {
    const { write, collect } = bench()
    write({ responses: { a: 'first attempt' } })
    for (let n = 0; n < 2_000; n += 1) write({ job: 'other', responses: { a: 'of another' } })
    write({ responses: { a: 'second attempt' } })
    expect(resultsOf(await collect(['a']))).toEqual(['second attempt'])
  })

  it('from before the producer was called are not looked at, but for what clocks may differ by', async () => {
    const { write, collect, time } = bench()
    write({ responses: { a: 'of an earlier life' }, at: START - 120_000 })
    const found = collect(['a'])
    await settled()
    time.pass(WAIT_MS)
    expect(resultsOf(await found)).toEqual([])
  })
})

describe('a wait', () => {
  it('that is over gives what came', async () => {
    const { write, collect, time } = bench()
    write({ responses: { a: 'in time' } })
    const found = collect(['a', 'b'])
    await settled()
    time.pass(WAIT_MS)
    expect(resultsOf(await found)).toEqual(['in time'])
  })

  it('of a second run goes on for what the first one may have written, and takes that only if nothing newer comes', async () => {
    const { write, collect, time } = bench()
    write({ responses: { a: 'first run', b: 'first run, or a clock that is slow' }, at: START - 1_000 })
    write({ responses: { c: 'second run' }, at: START + 1 })
    const found = collect(['a', 'b', 'c'], { certainSince: START })
    await settled()
    write({ responses: { a: 'second run' }, at: START + 2_000 })
    await settled()
    time.pass(WAIT_MS)
    expect(resultsOf(await found)).toEqual(['second run', 'first run, or a clock that is slow', 'second run'])
  })

  it('that is over while the topic is not read to its end goes on until it is', async () => {
    const { write, collect, time, kafka } = bench()
    const endOffsets = vi.spyOn(kafka, 'endOffsets')
    const found = collect(['a'])
    await settled()
    endOffsets.mockRejectedValueOnce(new KafkaFailure('away', { code: 'CONNECTION_FAILED', disposition: 'restart' }))
    time.pass(WAIT_MS)
    await settled()
    write({ responses: { a: 'written while the broker was away' } })
    expect(resultsOf(await found)).toEqual(['written while the broker was away'])
  })

  it('ends with its lane', async () => {
    const { collect } = bench()
    const lane = new AbortController()
    const found = collect(['a'], { signal: lane.signal })
    await settled()
    lane.abort(new Error('the lane has stopped'))
    await expect(found).rejects.toThrow('the lane has stopped')
  })

  it('ends with the topic, and says so', async () => {
    const { collect, time, kafka } = bench()
    const found = collect(['a'])
    await settled()
    vi.spyOn(kafka, 'topicExists').mockResolvedValue(false)
    time.pass(WAIT_MS)
    await expect(found).rejects.toMatchObject({ disposition: 'reject', message: 'topic internal does not exist any more' })
  })

  it('ends when reading fails for good; the next one reads anew', async () => {
    const { write, collect, kafka } = bench()
    const found = collect(['a'])
    await settled()
    const failure = new KafkaFailure('can not be decoded', { code: 'RECORDS_UNREADABLE', disposition: 'fatal' })
    kafka.crash(failure)
    await expect(found).rejects.toBe(failure)
    write({ responses: { a: 'later' } })
    expect(resultsOf(await collect(['a']))).toEqual(['later'])
  })
})

describe('many subjobs', () => {
  const ids = Array.from({ length: 200 }, (_, n) => `op-${n}`)

  it('that wait at a time share one reader', async () => {
    const { write, collect, kafka } = bench()
    const found = Promise.all(ids.map((id) => collect([id])))
    await settled()
    write({ responses: Object.fromEntries(ids.map((id) => [id, id])) })
    expect((await found).map(resultsOf)).toEqual(ids.map((id) => [id]))
    expect(kafka.readersMade).toBe(1)
  })

  it('that come one after the other find what went by in memory', async () => {
    const { write, collect, kafka } = bench()
    write({ responses: Object.fromEntries(ids.map((id) => [id, id])) })
    for (const id of ids) expect(resultsOf(await collect([id]))).toEqual([id])
    expect(kafka.readersMade).toBe(1)
  })

  it('that come when their events have gone by and been let go of read them again, together', async () => {
    const { write, collect, kafka } = bench({ recentBytesMax: 3_000 })
    for (const id of ids) write({ responses: { [id]: id }, partition: Number(id.slice(3)) % 2 })
    expect(resultsOf(await collect(['op-199']))).toEqual(['op-199'])
    const found = await Promise.all(ids.map((id) => collect([id])))
    expect(found.map(resultsOf)).toEqual(ids.map((id) => [id]))
    expect(kafka.readersMade).toBeLessThanOrEqual(4)
  })

  it('that find more than fits into memory get all of it, one after the other', async () => {
    const { write, collect } = bench({ recentBytesMax: 3_000, collectedBytesMax: 5_000 })
    const some = ids.slice(0, 60)
    for (const id of some) write({ responses: { [`${id}-1`]: 'x'.repeat(500), [`${id}-2`]: id } })
    let held = 0
    let mostHeld = 0
    const found = some.map(async (id) => {
      const results = await collect([`${id}-1`, `${id}-2`])
      const bytes = results.responses.reduce((sum, { raw }) => sum + raw.length, 0)
      held += bytes
      mostHeld = Math.max(mostHeld, held)
      await settled()
      held -= bytes
      results.release()
      return resultsOf(results)[1]
    })
    expect(await Promise.all(found)).toEqual(some)
    expect(mostHeld).toBeGreaterThan(2_000)
    expect(mostHeld).toBeLessThanOrEqual(5_000)
  })

  it('do not keep the topic open when they are gone', async () => {
    const { write, collect, kafka, time } = bench()
    write({ responses: { a: 'a', b: 'b' } })
    await collect(['a'])
    time.pass(29_000)
    await collect(['b'])
    time.pass(29_000)
    await collect(['a'])
    expect(kafka.readersMade).toBe(1)
    time.pass(30_000)
    await settled()
    await collect(['a'])
    expect(kafka.readersMade).toBe(2)
  })
})

it('responses of a subjob beyond the bound are replaced by ones that say so', async () => {
  const { write, collect } = bench({ subjobBytesMax: 1_000 })
  write({ responses: { a: 'x'.repeat(800), b: 'y'.repeat(800) } })
  const [first, second] = shown(await collect(['a', 'b']))
  expect(first?.result).toHaveLength(800)
  expect(second).toMatchObject({ operationId: 'b', statusCode: 112 })
  expect(second?.statusMessage).toContain('1000 bytes')
})
