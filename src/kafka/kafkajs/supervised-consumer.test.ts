import type { Consumer } from 'kafkajs'
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualTime } from '../../../test/fakes/manual-time.ts'
import { kafkaDefaults } from './settings.ts'
import { type ConsumerRole, SupervisedConsumer } from './supervised-consumer.ts'

type Call = (event: { payload: object }) => void

/** A consumer of kafkajs whose steps end when the test says so. */
class FakeConsumer {
  readonly events = { GROUP_JOIN: 'join', HEARTBEAT: 'heartbeat', END_BATCH_PROCESS: 'end', CRASH: 'crash' }
  readonly #listeners = new Map<string, Call[]>()
  disconnects = 0
  connect = (): Promise<void> => Promise.resolve()
  run: (config: { eachBatch: (payload: object) => Promise<void> }) => Promise<void> = () => Promise.resolve()

  on(event: string, call: Call): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), call])
  }

  emit(event: string, payload: object = {}): void {
    for (const call of this.#listeners.get(event) ?? []) call({ payload })
  }

  subscribe(): Promise<void> {
    return Promise.resolve()
  }

  disconnect(): Promise<void> {
    this.disconnects += 1
    return Promise.resolve()
  }
}

const lost = Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' })
const unreadable = Object.assign(new Error('LZ4'), { name: 'KafkaJSNotImplemented' })

describe('a supervised consumer', () => {
  let time: ManualTime
  let consumers: FakeConsumer[]
  let crashes: Error[]
  let role: ConsumerRole
  let prepare: (consumer: FakeConsumer) => void
  let supervised: SupervisedConsumer

  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const latest = (): FakeConsumer => consumers.at(-1)!

  beforeEach(() => {
    time = new ManualTime()
    consumers = []
    crashes = []
    prepare = () => undefined
    role = {
      ...{ name: 'a consumer', topics: ['t'] },
      create: () => {
        const consumer = new FakeConsumer()
        prepare(consumer)
        consumers.push(consumer)
        return consumer as unknown as Consumer
      },
      ...{ joined: () => undefined, heartbeat: () => undefined, batch: () => Promise.resolve(), emptyBatch: () => undefined },
      isHopeless: ({ disposition }) => disposition === 'fatal',
      crashed: (error) => {
        crashes.push(error)
      },
    }
    const logger = { debug: (): void => undefined, info: (): void => undefined, warn: (): void => undefined }
    supervised = new SupervisedConsumer(role, { ...kafkaDefaults, brokers: [], clientId: 'test', logger, timers: time })
  })

  const crash = async (error: Error = lost): Promise<void> => {
    latest().emit('crash', { error })
    await settled()
  }

  it('is replaced when it crashes, later each time, until it has run again', async () => {
    await supervised.start()
    await crash()
    prepare = (consumer) => {
      consumer.connect = () => Promise.reject(lost)
    }
    for (const [attempts, waitMs] of [100, 200, 400, 800, 1_600, 2_000, 2_000].entries()) {
      expect(consumers).toHaveLength(attempts + 1)
      time.pass(waitMs - 1)
      expect(consumers).toHaveLength(attempts + 1)
      if (attempts === 6) prepare = () => undefined
      time.pass(1)
      await settled()
      expect(consumers).toHaveLength(attempts + 2)
    }
    await crash()
    time.pass(100)
    await settled()
    expect(consumers).toHaveLength(9)
    expect(crashes).toEqual([])
  })

  it('is given up when the failure would come again', async () => {
    await supervised.start()
    await crash(unreadable)
    expect(crashes).toMatchObject([{ code: 'RECORDS_UNREADABLE', disposition: 'fatal' }])
    expect(time.pending).toBe(0)
  })

  it('leaves nothing running when it can not start', async () => {
    prepare = (consumer) => {
      consumer.run = () => {
        consumer.emit('crash', { error: lost })
        return Promise.resolve()
      }
    }
    await expect(supervised.start()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    expect([latest().disconnects, time.pending, crashes]).toEqual([1, 0, []])
  })

  it('waits to start until a broker that has just come up knows its groups', async () => {
    const loading = Object.assign(new Error('loading'), { type: 'GROUP_LOAD_IN_PROGRESS', code: 14 })
    prepare = (consumer) => {
      if (consumers.length < 2) consumer.connect = () => Promise.reject(loading)
    }
    const started = supervised.start()
    for (let attempt = 1; attempt < 3; attempt += 1) {
      await settled()
      expect(consumers).toHaveLength(attempt)
      time.pass(100)
    }
    await started
    expect(consumers.map(({ disconnects }) => disconnects)).toEqual([1, 1, 0])
  })

  it('is not replaced once it was stopped', async () => {
    await supervised.start()
    await crash()
    await supervised.stop()
    time.pass(60_000)
    expect(consumers).toHaveLength(1)
  })

  it('is disconnected when it was stopped while it started again', async () => {
    await supervised.start()
    await crash()
    let join = (): void => undefined
    prepare = (consumer) => {
      consumer.run = () => new Promise((resolve) => (join = resolve))
    }
    time.pass(100)
    await settled()
    const stopped = supervised.stop()
    await settled()
    expect(latest().disconnects).toBe(0)
    join()
    await stopped
    expect([consumers.length, latest().disconnects]).toEqual([2, 1])
  })

  it('hears nothing any more once it was stopped', async () => {
    const heard: string[] = []
    role.heartbeat = () => heard.push('heartbeat')
    await supervised.start()
    latest().emit('heartbeat')
    void supervised.stop()
    latest().emit('heartbeat')
    expect(heard).toEqual(['heartbeat'])
  })

  it('ends for good with a defect in what it is for, and shows kafkajs an error that it does not retry', async () => {
    const defect = new Error('a defect')
    role.batch = () => Promise.reject(defect)
    let deliver: (payload: object) => Promise<void> = () => Promise.resolve()
    prepare = (consumer) => {
      consumer.run = ({ eachBatch }) => {
        deliver = eachBatch
        return Promise.resolve()
      }
    }
    await supervised.start()
    await expect(deliver({})).rejects.toMatchObject({ retriable: false })
    await crash(lost)
    expect([crashes, latest().disconnects, time.pending]).toEqual([[defect], 1, 0])
  })

  it('does not start with a defect in what it is for', async () => {
    const defect = new Error('a defect')
    role.joined = () => {
      throw defect
    }
    prepare = (consumer) => {
      consumer.run = () => {
        try {
          consumer.emit('join')
        } catch (error) {
          consumer.emit('crash', { error })
        }
        return Promise.resolve()
      }
    }
    await expect(supervised.start()).rejects.toBe(defect)
  })

  it('passes on batches without records only where there are none', async () => {
    const heard: number[] = []
    role.emptyBatch = (_, __, nextOffset) => heard.push(nextOffset)
    await supervised.start()
    latest().emit('end', { topic: 't', partition: 0, batchSize: 3, lastOffset: '5' })
    latest().emit('end', { topic: 't', partition: 0, batchSize: 0, lastOffset: '9' })
    expect(heard).toEqual([10])
  })
})
