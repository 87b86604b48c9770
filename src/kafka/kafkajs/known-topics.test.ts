import { describe, expect, it } from 'vitest'
import type { TimerHandle, Timers } from '../../runtime/clock.ts'
import { KafkaFailure } from '../port.ts'
import { KnownTopics } from './known-topics.ts'

const atOnce: Timers = {
  after(_, run): TimerHandle {
    queueMicrotask(run)
    return { cancel: () => undefined }
  },
}

interface FakeBroker {
  readonly topics: Set<string>
  readonly asked: string[]
  readonly exists: (topic: string) => Promise<boolean>
}

function brokerWith(...topics: string[]): FakeBroker {
  const broker = {
    topics: new Set(topics),
    asked: [] as string[],
    exists: (topic: string): Promise<boolean> => {
      broker.asked.push(topic)
      return Promise.resolve(broker.topics.has(topic))
    },
  }
  return broker
}

const missingSomewhere = new KafkaFailure('a topic is missing', { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject' })

describe('known topics', () => {
  it('are asked for once, also by callers at the same time', async () => {
    const broker = brokerWith('a', 'b')
    const known = new KnownTopics(broker.exists, atOnce)
    await Promise.all([known.require(['a', 'b', 'a']), known.require(['a'])])
    await known.require(['b'])
    expect(broker.asked).toEqual(['a', 'b'])
  })

  it('refuse one that is missing, by name, and ask for it again the next time', async () => {
    const broker = brokerWith()
    const known = new KnownTopics(broker.exists, atOnce)
    const refusal = { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic: 'late' }
    await expect(known.require(['late'])).rejects.toMatchObject(refusal)
    broker.topics.add('late')
    await known.require(['late'])
  })

  it('find out which was deleted when a failure does not say it', async () => {
    const broker = brokerWith('stays', 'goes')
    const known = new KnownTopics(broker.exists, atOnce)
    await known.require(['stays', 'goes'])
    broker.topics.delete('goes')
    expect(await known.explain(missingSomewhere, ['stays', 'goes'])).toMatchObject({ topic: 'goes', disposition: 'reject' })
  })

  it('blame none of the topics at hand for one that only the producer remembers', async () => {
    const known = new KnownTopics(brokerWith('stays').exists, atOnce)
    expect(await known.explain(missingSomewhere, ['stays'])).toMatchObject({ topic: null, disposition: 'restart' })
  })

  it('leave other failures as they are', async () => {
    const failure = new KafkaFailure('too large', { code: 'MESSAGE_TOO_LARGE', disposition: 'reject' })
    const broker = brokerWith()
    expect(await new KnownTopics(broker.exists, atOnce).explain(failure, ['a'])).toBe(failure)
    expect(broker.asked).toEqual([])
  })
})
