import type { Kafka, ProducerBatch, RecordMetadata } from 'kafkajs'
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualTime } from '../../../test/fakes/manual-time.ts'
import type { OutputRecord, RecordProducer } from '../port.ts'
import { KnownTopics } from './known-topics.ts'
import { openRecordProducer } from './record-producer.ts'
import { Turnstile } from '../../runtime/turnstile.ts'
import { kafkaDefaults } from './settings.ts'

/** A producer of kafkajs: what it was sent, and who waits for the answer. */
interface FakeProducer {
  readonly requests: { readonly keys: readonly unknown[]; readonly answer: (error?: Error) => void }[]
  disconnected: boolean
}

const moved = Object.assign(new Error('moved'), { type: 'NOT_LEADER_FOR_PARTITION', code: 6 })
const tooLarge = Object.assign(new Error('too large'), { type: 'MESSAGE_TOO_LARGE', code: 10, topic: 't' })

describe('the record producer', () => {
  let producers: FakeProducer[]
  let producer: RecordProducer

  const record = (key: string, bytes = 1): OutputRecord => ({ topic: 't', key, partition: 0, value: Buffer.alloc(bytes) })
  const send = (...records: OutputRecord[]): Promise<string> =>
    producer.send(records).then(
      (positions) => positions.map(({ offset }) => offset).join(),
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'not a failure'),
    )
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  /** Answers the next request once it is there. */
  const answer = async (error?: Error): Promise<void> => {
    await settled()
    producers.at(-1)!.requests.at(-1)!.answer(error)
    await settled()
  }
  const requests = (): unknown => producers.map((each) => each.requests.map(({ keys }) => keys))

  beforeEach(async () => {
    producers = []
    const createKafka = (): Kafka => {
      const fake: FakeProducer = { requests: [], disconnected: false }
      producers.push(fake)
      const create = ({ createPartitioner }: { createPartitioner: () => (at: object) => number }): object => {
        const partitionOf = createPartitioner()
        let end = 0
        return {
          connect: () => Promise.resolve(),
          disconnect: () => Promise.resolve((fake.disconnected = true)),
          sendBatch: ({ topicMessages = [] }: ProducerBatch) =>
            new Promise<RecordMetadata[]>((resolve, reject) => {
              const messages = topicMessages.flatMap((each) => each.messages)
              for (const message of messages) partitionOf({ message, partitionMetadata: [{}] })
              const keys = messages.map(({ key }) => key)
              const written = [{ topicName: 't', partition: 0, errorCode: 0, baseOffset: String(end) }]
              const done = (error?: Error): void => {
                if (error !== undefined) {
                  reject(error)
                  return
                }
                end += messages.length
                resolve(written)
              }
              fake.requests.push({ keys, answer: done })
            }),
        }
      }
      return { producer: create } as unknown as Kafka
    }
    const time = new ManualTime()
    const logger = { debug: (): void => undefined, info: (): void => undefined, warn: (): void => undefined }
    const settings = { ...kafkaDefaults, brokers: [], clientId: 'test', logger, timers: time, requestBytesMax: 1_000 }
    const knownTopics = new KnownTopics(() => Promise.resolve(true), time)
    producer = await openRecordProducer({ createKafka, settings, knownTopics, largeCommits: new Turnstile() })
  })

  it('sends one request at a time, and what comes meanwhile together in the next', async () => {
    const first = [send(record('a')), send(record('b'), record('c'))]
    await settled()
    const later = [send(record('d')), send(record('e'))]
    await settled()
    expect(requests()).toEqual([[['a', 'b', 'c']]])
    await answer()
    expect(requests()).toEqual([[['a', 'b', 'c'], ['d', 'e']]])
    await answer()
    expect(await Promise.all([...first, ...later])).toEqual(['0', '1,2', '3', '4'])
  })

  it('puts no more into a request than it may hold, and cuts a call that is larger', async () => {
    const calls = [send(record('a', 600)), send(record('b', 600)), send(record('c', 600), record('d', 600))]
    for (let request = 1; request <= 4; request += 1) await answer()
    expect(requests()).toEqual([[['a'], ['b'], ['c'], ['d']]])
    expect(await Promise.all(calls)).toEqual(['0', '1', '2,3'])
  })

  it('does not use a producer again whose request has failed: its sequence numbers may be taken', async () => {
    const failed = send(record('a'))
    await answer(moved)
    const after = send(record('b'))
    await answer()
    expect([await failed, await after]).toEqual(['NOT_LEADER_OR_FOLLOWER', '0'])
    expect([requests(), producers.map(({ disconnected }) => disconnected)]).toEqual([[[['a']], [['b']]], [true, false]])
  })

  it('refuses of several calls only the one at fault', async () => {
    const calls = [send(record('a')), send(record('large')), send(record('c'))]
    await answer(tooLarge)
    for (const outcome of [undefined, tooLarge, undefined]) await answer(outcome)
    expect(await Promise.all(calls)).toEqual(['0', 'MESSAGE_TOO_LARGE', '0'])
  })

  it('fails all calls of a request whose outcome is not known', async () => {
    const calls = [send(record('a')), send(record('b'))]
    await answer(moved)
    expect(await Promise.all(calls)).toEqual(['NOT_LEADER_OR_FOLLOWER', 'NOT_LEADER_OR_FOLLOWER'])
  })

  it('refuses more than may wait while Kafka does not answer, and takes records again when it does', async () => {
    const mebibytes = 16 * 1024 * 1024
    const sent = send(record('under way'))
    await settled()
    const waiting = ['a', 'b', 'c', 'd'].map((key) => send(record(key, mebibytes - 100)))
    await settled()
    expect(await send(record('one too many', mebibytes))).toBe('TOO_MUCH_WAITING')
    for (let request = 1; request <= 5; request += 1) await answer()
    expect(await Promise.all([sent, ...waiting])).toEqual(['0', '1', '2', '3', '4'])
    const again = send(record('again', mebibytes))
    await answer()
    expect(await again).toBe('5')
  })

  it('sends what it has taken before it closes, and nothing after', async () => {
    const taken = send(record('a'))
    await settled()
    const closed = producer.close()
    await answer()
    await closed
    expect([await taken, await send(record('b')), producers.at(-1)!.disconnected]).toEqual(['0', 'CLOSED', true])
  })
})
