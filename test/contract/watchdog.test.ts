/** The watchdog beside lanes and readers on a real broker: what stands still is simulated, what comes of it is not. */
import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { GroupSession } from '../../src/kafka/group-session.ts'
import { createKafkaClient } from '../../src/kafka/kafkajs/client.ts'
import type { LaneStage } from '../../src/kafka/lane-life.ts'
import type { KafkaAdmin } from '../../src/kafka/port.ts'
import { topicNames } from '../../src/kafka/topics.ts'
import { TopicTail } from '../../src/kafka/topic-tail.ts'
import { monotonicClock, systemClock, systemTimers } from '../../src/runtime/clock.ts'
import type { Standstill } from '../../src/runtime/watchdog.ts'
import { Watchdog } from '../../src/service/watchdog.ts'
import { StuckKafka } from '../fakes/stuck-kafka.ts'
import { until } from '../harness/until.ts'
import { readAll, textRecords } from './kafka-probe.ts'

const LIMITS = { progressTimeoutMs: 8_000, effectTimeoutMs: 60_000, sessionTimeoutMs: 3_000 }
const silent = { debug: (): void => undefined, info: (): void => undefined, warn: (): void => undefined }
const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface World {
  readonly kafka: StuckKafka
  readonly admin: KafkaAdmin
  readonly input: string
  readonly output: string
  readonly session: GroupSession<never, never>
  readonly tail: TopicTail
  readonly tailed: number[]
  readonly found: Standstill[]
}

/** A lane that passes records on, and a reader of the same topic. */
async function world(): Promise<World> {
  const id = `watchdog-${randomUUID().slice(0, 8)}`
  const [input, output, changelog] = [`${id}.in`, `${id}.out`, `${id}.changelog`]
  const kafka = new StuckKafka(createKafkaClient({
    ...{ brokers: inject('kafkaBrokers').split(','), clientId: id, logger: silent },
    ...{ sessionTimeoutMs: LIMITS.sessionTimeoutMs, heartbeatIntervalMs: 500, fetchWaitMs: 50, transactionTimeoutMs: 2_000 },
  }))
  const admin = await kafka.admin()
  closers.push(() => admin.close())
  await admin.createTopics([input, output, changelog].map((name) => ({ name, partitions: 1, replicationFactor: -1, config: {} })))
  const session = new GroupSession(passing({ id, input, output, changelog }), {
    ...{ kafka, admin, application: id, clock: systemClock, timers: systemTimers, observe: () => undefined },
  })
  closers.push(() => session.stop())
  await session.start()
  const tailed: number[] = []
  const tail = new TopicTail({
    ...{ kafka, admin, timers: systemTimers, name: id, topics: [input], decode: () => ({ ok: false, cause: 'is not looked at' }) },
    take: (records) => {
      tailed.push(...records.map(({ record: { offset } }) => offset))
      return Promise.resolve()
    },
    events: { failed: () => undefined, waiting: () => undefined },
  })
  closers.push(() => tail.stop())
  await tail.start([])
  const found: Standstill[] = []
  const watchdog = new Watchdog({
    ...{ config: LIMITS, kafka, topicIds: new Map(), clock: monotonicClock, timers: systemTimers, busyMicros: () => 0 },
    stages: [
      {
        name: 'passing',
        waiting: (limits) => session.waiting(limits),
        positions: () => session.positions(),
        replaceConsumer: (reason) => {
          session.replaceConsumer(reason)
        },
      },
    ],
    readers: [
      {
        name: 'the tail',
        positions: () => tail.positions(),
        replaceReader: () => {
          tail.replaceReader()
        },
      },
    ],
    events: { standstill: (each) => found.push(each), stall: () => undefined },
    onLook: () => undefined,
    onStuck: (reason) => {
      throw new Error(reason)
    },
  })
  watchdog.start()
  closers.push(() => watchdog.stop())
  await until('the lane works', () => session.ready())
  return { kafka, admin, input, output, session, tail, tailed, found }
}

function passing(names: Readonly<Record<'id' | 'input' | 'output' | 'changelog', string>>): LaneStage<never, never> {
  const amount = { records: 100, bytes: 1_000_000 }
  return {
    ...{ name: 'passing', groupId: `${names.id}.passing`, changelog: names.changelog, inputs: [names.input], topicIds: new Map() },
    limits: { turnMax: amount, inboxMax: amount, loadMax: 100, restartDelayMinMs: 10, restartDelayMaxMs: 100 },
    decode: () => ({ ok: true, message: { type: 'CancelJob', jobId: 'j', requestedBy: null, subjobs: null } }),
    place: { topics: topicNames(`${names.id}.`), changelog: names.changelog, stage: 'passing', encode: () => Buffer.from('x') },
    createStage: () => ({
      restore: () => undefined,
      restored: () => undefined,
      takeRecord: ({ value }, _, turn) => {
        turn.deliver([{ topic: names.output, key: null, value }])
      },
      takeTimer: () => undefined,
      takeCompletion: () => undefined,
      load: () => 0,
    }),
    runEffect: () => Promise.reject(new Error('there are none')),
  }
}

async function write({ kafka, input }: World, values: readonly string[]): Promise<void> {
  const producer = await kafka.producer()
  await producer.send(textRecords(input, 0, values))
  await producer.close()
}

describe('on a real broker', () => {
  it('a lane whose commit never comes back is begun anew: each record goes through once', async () => {
    const one = await world()
    one.kafka.hang('commit')
    await write(one, ['a', 'b'])
    await until('the lane was begun anew', () => one.found.length > 0)
    await write(one, ['c'])
    await until('all went through', async () => {
      return one.session.ready() && (await readAll(one.kafka, [one.output])).values(one.output).length >= 3
    })
    expect((await readAll(one.kafka, [one.output])).values(one.output)).toEqual(['a', 'b', 'c'])
    expect(one.found.map(({ verdict, waiting }) => `${verdict} ${waiting.waitsFor}`)).toEqual([
      'restart its transaction to be committed',
    ])
  }, 180_000)

  it('a consumer and a reader that read nothing more are replaced: each record goes through once', async () => {
    const one = await world()
    await write(one, ['a'])
    await until('the reader has read it', () => one.tailed.length === 1)
    await until('the lane has read it', async () => (await readAll(one.kafka, [one.output])).values(one.output).length === 1)
    one.kafka.deafen()
    await write(one, ['b', 'c'])
    await until('both were replaced', () => one.found.length >= 2)
    await until('the reader goes on', () => one.tailed.length >= 3)
    await until('the lane goes on', async () => (await readAll(one.kafka, [one.output])).values(one.output).length >= 3)
    expect(one.tailed).toEqual([0, 1, 2])
    expect((await readAll(one.kafka, [one.output])).values(one.output)).toEqual(['a', 'b', 'c'])
    expect(one.found.map(({ verdict, waiting }) => `${verdict} ${waiting.subject}`).sort()).toEqual([
      'restart the reading of passing',
      'restart the tail',
    ])
  }, 180_000)
})
