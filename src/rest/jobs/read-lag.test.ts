import { beforeEach, describe, expect, it } from 'vitest'
import { ManualTime } from '../../../test/fakes/manual-time.ts'
import { ReadLag } from './read-lag.ts'

describe('how far what is read is behind', () => {
  let time: ManualTime
  let asked: PromiseWithResolvers<number>[]
  let lag: ReadLag

  beforeEach(() => {
    time = new ManualTime()
    asked = []
    const count = (): Promise<number> => {
      const question = Promise.withResolvers<number>()
      asked.push(question)
      return question.promise
    }
    lag = new ReadLag({ count, clock: time, timers: time, ttlMs: 1_000 })
  })

  async function counted(records: number): Promise<void> {
    const first = lag.recent()
    asked.at(-1)?.resolve(records)
    expect(await first).toBe(records)
  }

  it('is counted once for all who ask within a while', async () => {
    const all = [lag.recent(), lag.recent()]
    asked[0]?.resolve(7)
    expect(await Promise.all(all)).toEqual([7, 7])
    time.pass(999)
    expect([await lag.recent(), asked.length]).toEqual([7, 1])
  })

  it('is told as it was, without a wait, while the next count is on its way', async () => {
    await counted(7)
    time.pass(1_000)
    expect([await lag.recent(), await lag.recent(), asked.length]).toEqual([7, 7, 2])
    asked[1]?.resolve(0)
    await expect.poll(() => lag.recent()).toBe(0)
  })

  it('is waited for where the last count is old', async () => {
    await counted(7)
    time.pass(2_000)
    const next = lag.recent()
    asked[1]?.resolve(1)
    expect(await next).toBe(1)
  })

  it('is not known where Kafka does not say so in time, and is asked for again', async () => {
    const first = lag.recent()
    time.pass(200)
    expect(await first).toBeNull()
    time.pass(1_000)
    void lag.recent()
    expect(asked).toHaveLength(2)
  })
})
