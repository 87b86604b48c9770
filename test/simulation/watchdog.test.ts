import { describe, expect, it } from 'vitest'
import { TopicTail } from '../../src/kafka/topic-tail.ts'
import type { Standstill } from '../../src/runtime/watchdog.ts'
import { Watchdog, type WatchedReader } from '../../src/service/watchdog.ts'
import { type LaneProcess, LaneWorld } from './lane-world.ts'
import { TOPICS } from './settings.ts'

const LIMITS = { progressTimeoutMs: 8_000, effectTimeoutMs: 20_000, sessionTimeoutMs: 6_000 }

interface Watched extends LaneProcess {
  readonly found: Standstill[]
  readonly stuck: string[]
}

const noReaders = (): Promise<readonly WatchedReader[]> => Promise.resolve([])

/** A process whose lane runs, with a watchdog beside it. */
async function watched(world: LaneWorld, readers: (one: LaneProcess) => Promise<readonly WatchedReader[]> = noReaders): Promise<Watched> {
  const one = await world.start('a')
  const [found, stuck]: [Standstill[], string[]] = [[], []]
  const watchdog = new Watchdog({
    topicIds: new Map([[TOPICS.subjobs, world.broker.idOf(TOPICS.subjobs)]]),
    ...{ config: LIMITS, kafka: one.kafka, readers: await readers(one), clock: world.scheduler, timers: one.process },
    stages: [
      {
        name: 'counting',
        waiting: (limits) => one.session.waiting(limits),
        positions: () => one.session.positions(),
        replaceConsumer: (reason) => {
          one.session.replaceConsumer(reason)
        },
      },
    ],
    busyMicros: () => 0,
    events: { standstill: (each) => found.push(each), stall: () => undefined },
    onLook: () => undefined,
    onStuck: (reason) => stuck.push(reason),
  })
  watchdog.start()
  expect(await world.until(() => one.session.ready())).toBe(true)
  return { ...one, found, stuck }
}

function summary(found: readonly Standstill[]): string[] {
  return found.map(({ waiting: { subject, waitsFor }, verdict }) => `${verdict}: ${subject} waits for ${waitsFor}`)
}

describe('the watchdog', () => {
  it('says nothing of a lane that works, or has nothing to do', async () => {
    const world = new LaneWorld()
    const { found } = await watched(world)
    world.write(5)
    await world.pass(60_000)
    expect(world.output).toEqual([0, 1, 2, 3, 4])
    expect(found).toEqual([])
  })

  it('begins a lane anew whose commit never comes back, and nothing is lost or doubled', async () => {
    const world = new LaneWorld()
    const { kafka, found, stuck } = await watched(world)
    kafka.hang('commit')
    world.write(3)
    expect(await world.until(() => world.output.length > 0)).toBe(true)
    world.write(2)
    await world.until(() => world.output.length === 5)
    expect(world.output).toEqual([0, 1, 2, 3, 4])
    expect(summary(found)).toEqual(['restart: lane counting/0 waits for its transaction to be committed'])
    expect(stuck).toEqual([])
  })

  it('begins a lane anew that does not come to its start', async () => {
    const world = new LaneWorld()
    const one = await watched(world)
    one.kafka.hang('commit', 2)
    world.write(1)
    expect(await world.until(() => world.output.length === 1)).toBe(true)
    expect(summary(one.found)).toEqual([
      'restart: lane counting/0 waits for its transaction to be committed',
      'restart: lane counting/0 waits for its claim to be committed',
    ])
  })

  it('ends the process when beginning anew did not help twice', async () => {
    const world = new LaneWorld()
    const { kafka, found, stuck } = await watched(world)
    kafka.hang('commit', 10)
    world.write(1)
    expect(await world.until(() => stuck.length > 0)).toBe(true)
    expect(found.map(({ verdict }) => verdict)).toEqual(['restart', 'restart', 'exit'])
    expect(stuck[0]).toMatch(/^lane counting\/0 stood still for \d+ ms, waiting for its claim to be committed$/)
  })

  it('ends the process when what a reader has read is never taken in, whoever reads', async () => {
    const world = new LaneWorld()
    let taken = 0
    const tailOf = async ({ kafka, process }: LaneProcess): Promise<readonly WatchedReader[]> => {
      const tail = new TopicTail({
        ...{ kafka, admin: await kafka.admin(), timers: process, name: 'the tail', topics: [TOPICS.subjobs] },
        decode: () => ({ ok: false, cause: 'is not looked at' }),
        take: () => {
          taken += 1
          return new Promise(() => undefined)
        },
        events: { failed: () => undefined, waiting: () => undefined },
      })
      void tail.start([])
      const replaceReader = (): void => {
        tail.replaceReader()
      }
      return [{ name: 'the tail', positions: () => tail.positions(), replaceReader }]
    }
    const { found, stuck } = await watched(world, tailOf)
    world.write(2)
    expect(await world.until(() => stuck.length > 0)).toBe(true)
    expect(found.map(({ verdict, waiting: { subject } }) => `${verdict}: ${subject}`)).toEqual([
      'restart: the tail', 'restart: the tail', 'exit: the tail',
    ])
    expect(taken).toBe(3)
    expect(world.output).toEqual([0, 1])
  })

  it('puts another consumer in the place of one that reads nothing, though there is something', async () => {
    const world = new LaneWorld()
    const { kafka, found, session } = await watched(world)
    kafka.deafen()
    world.write(2)
    expect(await world.until(() => world.output.length === 2)).toBe(true)
    expect(summary(found)[0]).toMatch(/^restart: the reading of counting waits for records of .+-0 from 0 on, which are there$/)
    expect(await world.until(() => session.ready())).toBe(true)
  })

  it.each([0, 3, 9])('ends the process when a topic was made anew that it reads, with %i records by then', async (since) => {
    const world = new LaneWorld()
    const { found, stuck } = await watched(world)
    world.write(3)
    expect(await world.until(() => world.output.length === 3)).toBe(true)
    world.broker.deleteTopic(TOPICS.subjobs)
    world.broker.createTopic(TOPICS.subjobs, 1)
    world.write(since)
    expect(await world.until(() => stuck.length > 0)).toBe(true)
    expect(summary(found)).toContain(
      `restart: whoever reads ${TOPICS.subjobs} waits for the topic that was there before: another one has its name`,
    )
  })

  it('gives up a consumer that its group never takes in, and one that never says goodbye', async () => {
    const world = new LaneWorld()
    const { kafka, found } = await watched(world)
    kafka.hang('join')
    kafka.hang('stop')
    kafka.deafen()
    world.write(2)
    await world.until(() => world.output.length === 2)
    expect(world.output).toEqual([0, 1])
    expect(summary(found).at(-1)).toBe('restart: the consumer of counting waits for its group to take it in')
  })

  it('begins a lane anew when an effect never comes to an end', async () => {
    const world = new LaneWorld()
    const { events, found } = await watched(world)
    world.effectsHang = true
    world.write(1)
    await world.until(() => world.begun.length > 0)
    await world.until(() => events.includes('LaneFailed'))
    expect(summary(found)).toEqual(['restart: an effect of lane counting/0 waits for the end of the effect unnamed'])
  })
})
