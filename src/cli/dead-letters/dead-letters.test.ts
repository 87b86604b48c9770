import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryTopics } from '../../../test/fakes/memory-topics.ts'
import { type KafkaAdmin, KafkaFailure, type OutputRecord, type TransactionalProducer } from '../../kafka/port.ts'
import { systemTimers } from '../../runtime/clock.ts'
import { ExitCode } from '../exit-codes.ts'
import { screenOf } from '../output/screen.ts'
import { type KnownLetter, LetterLog } from './letter-log.ts'
import { Redrive, type RedriveReport, type RedriveRequest } from './redrive-letters.ts'

const LETTERS = 't.dead-letters'

let kafka: MemoryTopics
let log: LetterLog
let committed: OutputRecord[][]
/** At which commit what goes wrong. */
let failing: { readonly at: number; readonly failure: KafkaFailure } | null
let said: string

const admin = (): Promise<KafkaAdmin> =>
  Promise.resolve({
    ...{ topicExists: () => Promise.resolve(true), close: () => Promise.resolve() },
    ...{ startOffsets: (topic: string) => kafka.startOffsets(topic), endOffsets: (topic: string) => kafka.endOffsets(topic) },
  } as unknown as KafkaAdmin)

beforeEach(() => {
  kafka = new MemoryTopics({ [LETTERS]: 1, 't.commands': 1, 't.subjobs': 3 })
  log = new LetterLog({ admin, tailReader: (options) => kafka.tailReader(options) }, systemTimers, { topicPrefix: 't.' })
  committed = []
  failing = null
  said = ''
})

function letter(at: number, { topic = 't.commands', cause = 'no good', bytes = 2 } = {}): string {
  const origin = { datajob_origin_topic: topic, datajob_origin_partition: '0', datajob_origin_offset: '5' }
  const headers = { ...origin, datajob_origin_timestamp: '1', datajob_stage: 'coordinator', datajob_cause: cause }
  const { offset } = kafka.append({ topic: LETTERS, key: `job-${at}`, value: Buffer.alloc(bytes), headers, timestampMs: at })
  return `0-${offset}`
}

const idsOf = (letters: readonly KnownLetter[]): string[] => letters.map((each) => each.letter.id)

function redrive(request: Partial<RedriveRequest>): Promise<RedriveReport> {
  const producer: TransactionalProducer = {
    commit: ({ records }) => {
      if (failing !== null && committed.length >= failing.at) return Promise.reject(failing.failure)
      committed.push([...records])
      for (const { topic, partition = 0, key, value, headers = {} } of records) {
        kafka.append({ topic, partition, value, headers, timestampMs: 9_000, ...(key === null ? {} : { key }) })
      }
      return Promise.resolve()
    },
    commitAll: () => Promise.reject(new Error('letters are few')),
    close: () => Promise.resolve(),
  }
  const stream = { write: (text: string) => (said += text) }
  const cli = { screen: screenOf({ out: stream, err: stream }, {}) }
  const work = new Redrive({ cli, log, application: 'a', kafka: { transactionalProducer: () => Promise.resolve(producer) } })
  return work.run({ ids: [], filter: {}, again: false, dryRun: false, ...request })
}

const failure = (exitCode: ExitCode, message: string): unknown =>
  expect.objectContaining({ exitCode, message: expect.stringContaining(message) as string })

describe('a list', () => {
  it('has the newest letters first, no more than were asked for, and no marks', async () => {
    const ids = Array.from({ length: 30 }, (_, at) => letter(at))
    await redrive({ ids: [ids[29]!, ids[0]!] })
    const letters = await log.last(3, {})
    expect(idsOf(letters)).toEqual([ids[29], ids[28], ids[27]])
    expect(letters.map(({ redriven }) => redriven)).toEqual([{ times: 1, lastMs: 9_000 }, null, null])
  })

  it('is found at the end of a long topic, and behind many that are not meant', async () => {
    const old = letter(1, { cause: 'The Rare One' })
    for (let at = 0; at < 12_000; at += 1) letter(100_000 + at)
    kafka.appendMarker(LETTERS)
    expect(idsOf(await log.last(1, {}))).toEqual(['0-12000'])
    expect(idsOf(await log.last(1, { cause: 'the rare one' }))).toEqual([old])
  })

  it('ends where letters are too old', async () => {
    const ids = Array.from({ length: 2_000 }, (_, at) => letter(at * 1_000))
    expect(idsOf(await log.last(2_000, { since: 1_990_000 }))).toEqual(ids.slice(1_990).reverse())
  })

  it('is of one topic, named with the prefix or without', async () => {
    letter(1)
    const id = letter(2, { topic: 't.subjobs' })
    for (const topic of ['subjobs', 't.subjobs']) expect(idsOf(await log.last(9, { topic }))).toEqual([id])
  })

  it('is empty on an empty topic', async () => {
    expect(await log.last(9, {})).toEqual([])
    expect(await log.get('0-0')).toBeNull()
  })
})

describe('a redrive', () => {
  it('puts a letter back and marks it, in one transaction', async () => {
    const id = letter(1)
    expect(await redrive({ ids: [id] })).toEqual({
      ...{ redrivenBefore: 0, foreign: 0 },
      letters: [{ id, key: 'job-1', topic: 't.commands' }],
    })
    expect(committed.map((records) => records.map(({ topic, key }) => ({ topic, key })))).toEqual([
      [
        { topic: 't.commands', key: 'job-1' },
        { topic: LETTERS, key: 'job-1' },
      ],
    ])
    expect(await log.get(id)).toMatchObject({ redriven: { times: 1 } })
  })

  it('refuses a letter that was put back before, until it is told again', async () => {
    const [one, other] = [letter(1), letter(2)]
    await redrive({ ids: [one] })
    await expect(redrive({ ids: [one, other] })).rejects.toEqual(failure(ExitCode.Usage, `${one} was re-driven already, 1970-`))
    expect(committed).toHaveLength(1)
    await redrive({ ids: [one, other], again: true })
    expect(await log.get(one)).toMatchObject({ redriven: { times: 2 } })
  })

  it('of all takes those that were not, and says of how many it did not', async () => {
    const ids = [letter(1), letter(2), letter(3, { cause: 'other' }), letter(4, { topic: 'elsewhere' })]
    await redrive({ ids: [ids[0]!] })
    const report = await redrive({ filter: { cause: 'NO GOOD' } })
    expect(report).toMatchObject({ letters: [{ id: ids[1] }], redrivenBefore: 1, foreign: 1 })
    expect((await redrive({})).letters.map(({ id }) => id)).toEqual([ids[2]])
    expect((await redrive({})).letters).toEqual([])
  })

  it('does nothing when it is only tried', async () => {
    const id = letter(1)
    expect(await redrive({ dryRun: true })).toMatchObject({ letters: [{ id }] })
    expect(committed).toEqual([])
  })

  it('does nothing when one of the letters is not there, or came from elsewhere', async () => {
    const id = letter(1)
    const foreign = letter(2, { topic: 'elsewhere' })
    await expect(redrive({ ids: [id, '0-99', '7-1'] })).rejects.toEqual(failure(ExitCode.NotFound, 'no dead letter 0-99, 7-1'))
    await expect(redrive({ ids: [id, foreign] })).rejects.toEqual(failure(ExitCode.Usage, 'which no stage reads'))
    expect(committed).toEqual([])
  })

  it('of many is several transactions, bounded in letters and bytes', async () => {
    for (let at = 0; at < 250; at += 1) letter(at)
    for (let at = 0; at < 5; at += 1) letter(at, { bytes: 600_000 })
    expect((await redrive({})).letters).toHaveLength(255)
    expect(committed.map((records) => records.length / 2)).toEqual([100, 100, 52, 2, 1])
  })

  it('stops when another takes over, says how far it came, and leaves the rest to be done', async () => {
    for (let at = 0; at < 250; at += 1) letter(at)
    failing = { at: 2, failure: new KafkaFailure('fenced', { code: 'PRODUCER_FENCED', disposition: 'fenced' }) }
    await expect(redrive({})).rejects.toEqual(failure(ExitCode.Usage, 're-driven before that: 200 of 250 letters'))
    failing = null
    expect(await redrive({})).toMatchObject({ redrivenBefore: 200, letters: { length: 50 } })
  })

  it('fails as Kafka does, and says how far it came', async () => {
    for (let at = 0; at < 150; at += 1) letter(at)
    failing = { at: 1, failure: new KafkaFailure('connection lost', { code: 'NETWORK_EXCEPTION', disposition: 'restart' }) }
    await expect(redrive({})).rejects.toThrow('connection lost')
    expect(said).toContain('re-driven before that: 100 of 150 letters; run it again for the others: none is re-driven twice')
  })
})
