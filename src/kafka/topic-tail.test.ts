import { describe, expect, it, vi } from 'vitest'
import { ManualTime } from '../../test/fakes/manual-time.ts'
import { MemoryTopics } from '../../test/fakes/memory-topics.ts'
import type { HandleRegistered } from '../domain/inventory-messages.ts'
import type { Position, TailReaderOptions } from './port.ts'
import { TopicTail, type TopicTailOptions } from './topic-tail.ts'

const message = { type: 'HandleRegistered' } as HandleRegistered

function tailOf(topics: MemoryTopics, options: Partial<TopicTailOptions> = {}) {
  const time = new ManualTime()
  const taken: string[] = []
  const failed = vi.fn<(error: Error) => void>()
  const waiting = vi.fn<(error: Error) => void>()
  const tail = new TopicTail({
    ...{ kafka: topics, admin: topics, timers: time, name: 'test', topics: ['a', 'b'] },
    decode: () => ({ ok: true, message }),
    take: (records) => {
      taken.push(...records.map(({ record }) => `${record.topic}${record.offset}`))
      return Promise.resolve()
    },
    events: { failed, waiting },
    ...options,
  })
  return { tail, time, taken, failed, waiting }
}

const write = (topics: MemoryTopics, topic: string, count: number): void => {
  for (let n = 0; n < count; n += 1) topics.append({ topic, value: 'x' })
}

describe('TopicTail', () => {
  it('is ready only when all that was there at the start was taken in, markers at the end included', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    write(topics, 'a', 450)
    topics.appendMarker('a')
    const { tail, taken } = tailOf(topics)
    await tail.start([])
    expect(tail.isReady()).toBe(false)
    await expect.poll(() => tail.isReady()).toBe(true)
    expect(taken.length).toBe(450)
    expect(tail.position({ topic: 'a', partition: 0 })).toBe(451)
  })

  it('begins where it is told to, and no earlier than the first record that is still there', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    write(topics, 'a', 5)
    write(topics, 'b', 3)
    topics.expire('b')
    write(topics, 'b', 1)
    const { tail, taken } = tailOf(topics)
    await tail.start([
      { topic: 'a', partition: 0, offset: 3 },
      { topic: 'b', partition: 0, offset: 1 },
    ])
    await expect.poll(() => tail.isReady()).toBe(true)
    expect(taken.sort()).toEqual(['a3', 'a4', 'b3'])
  })

  it('is ready at once where every record has expired', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    write(topics, 'a', 5)
    topics.expire('a')
    const { tail } = tailOf(topics)
    await tail.start([])
    await expect.poll(() => tail.isReady()).toBe(true)
    expect(await tail.lag()).toBe(0)
  })

  it('has caught up once all that was written before the call was taken in, or says that it has not in time', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    let release = (): void => undefined
    const blocked = new Promise<void>((resolve) => (release = resolve))
    const { tail, time } = tailOf(topics, { take: () => blocked })
    await tail.start([])
    write(topics, 'a', 1)
    expect(await tail.lag()).toBe(1)
    const late = tail.caughtUp(1_000)
    await expect.poll(() => time.pending).toBe(1)
    time.pass(1_000)
    expect(await late).toBe(false)
    expect(await tail.caughtUp(1_000, (end) => end.topic === 'b')).toBe(true)
    const inTime = tail.caughtUp(1_000)
    release()
    expect(await inTime).toBe(true)
  })

  it('asks for the ends once more, not once each, for callers that come while a question is on its way', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    const { tail } = tailOf(topics)
    await Promise.all([tail.ends(), ...Array.from({ length: 50 }, () => tail.caughtUp(1_000))])
    expect(topics.endOffsetsCalls).toBe(4)
    await tail.ends()
    expect(topics.endOffsetsCalls).toBe(6)
  })

  it('never answers with ends that were asked for before the call', async () => {
    const answers: ((positions: readonly Position[]) => void)[] = []
    const endOffsets = (): Promise<readonly Position[]> => new Promise((resolve) => answers.push(resolve))
    const { tail } = tailOf(new MemoryTopics({ a: 1 }), { topics: ['a'], admin: { startOffsets: endOffsets, endOffsets } })
    const first = tail.ends()
    const second = tail.ends()
    answers[0]?.([{ topic: 'a', partition: 0, offset: 1 }])
    expect(await first).toMatchObject([{ offset: 1 }])
    await expect.poll(() => answers.length).toBe(2)
    answers[1]?.([{ topic: 'a', partition: 0, offset: 2 }])
    expect(await second).toMatchObject([{ offset: 2 }])
  })

  it('waits with a record whose decoding may succeed later, and takes it then', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    write(topics, 'a', 2)
    let failures = 3
    const { tail, time, taken, waiting, failed } = tailOf(topics, {
      decode: () => {
        failures -= 1
        if (failures >= 0) return Promise.reject(Object.assign(new Error('registry away'), { disposition: 'retry' }))
        return { ok: true, message }
      },
    })
    await tail.start([])
    for (const waitMs of [100, 200, 400]) {
      await expect.poll(() => time.pending).toBe(1)
      time.pass(waitMs)
    }
    await expect.poll(() => tail.isReady()).toBe(true)
    expect(taken).toEqual(['a0', 'a1'])
    expect(waiting).toHaveBeenCalledTimes(3)
    expect(failed).not.toHaveBeenCalled()
  })

  it('begins with a new reader when the broker is not ready for one yet', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    write(topics, 'a', 1)
    const loading = Object.assign(new Error('COORDINATOR_LOAD_IN_PROGRESS'), { disposition: 'retry' })
    const kafka = { tailReader: vi.fn((options: TailReaderOptions) => topics.tailReader(options)) }
    kafka.tailReader.mockReturnValueOnce({ start: () => Promise.reject(loading), stop: () => Promise.resolve() })
    const { tail, time, taken, waiting } = tailOf(topics, { kafka })
    const started = tail.start([])
    await expect.poll(() => time.pending).toBe(1)
    time.pass(100)
    await started
    await expect.poll(() => tail.isReady()).toBe(true)
    expect(taken).toEqual(['a0'])
    expect(waiting.mock.calls).toEqual([[loading]])
  })

  it('stops in the middle of such a wait, which is no failure', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    write(topics, 'a', 1)
    const decode = (): Promise<never> => Promise.reject(Object.assign(new Error('registry away'), { disposition: 'retry' }))
    const { tail, time, failed } = tailOf(topics, { decode })
    await tail.start([])
    await expect.poll(() => time.pending).toBe(1)
    await tail.stop()
    expect(time.pending).toBe(0)
    expect(failed).not.toHaveBeenCalled()
  })

  it('says once that it failed, is not ready any more, and takes nothing behind what it could not take', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    write(topics, 'a', 1)
    const { tail, failed } = tailOf(topics, { take: () => Promise.reject(new Error('disk full')) })
    await tail.start([])
    await expect.poll(() => failed.mock.calls.length > 0).toBe(true)
    topics.crash(new Error('broker gone'))
    expect(failed.mock.calls).toEqual([[new Error('disk full')]])
    expect(tail.isReady()).toBe(false)
    expect(tail.position({ topic: 'a', partition: 0 })).toBe(0)
  })

  it('passes on that its reader died for good', async () => {
    const topics = new MemoryTopics({ a: 1, b: 1 })
    const { tail, failed } = tailOf(topics)
    await tail.start([])
    await expect.poll(() => tail.isReady()).toBe(true)
    topics.crash(new Error('broker gone'))
    expect(failed.mock.calls).toEqual([[new Error('broker gone')]])
    expect(tail.isReady()).toBe(false)
  })
})
