import { describe, expect, it } from 'vitest'
import { ManualTime } from '../../test/fakes/manual-time.ts'
import type { Position } from './port.ts'
import { TailProgress } from './tail-progress.ts'

const at = (partition: number, offset: number): Position => ({ topic: 't', partition, offset })

describe('TailProgress', () => {
  it('reaches at once what it has passed', async () => {
    const progress = new TailProgress(new ManualTime())
    progress.advance(at(0, 5))
    expect(await progress.reach([at(0, 5), at(1, 0)], 1_000)).toBe(true)
  })

  it('tells a waiter when the last of its partitions has come to its target, and sets its timer aside', async () => {
    const time = new ManualTime()
    const progress = new TailProgress(time)
    const settled: boolean[] = []
    const reached = progress.reach([at(0, 5), at(1, 3)], 1_000).then((each) => settled.push(each))
    progress.advance(at(0, 6))
    progress.advance(at(1, 2))
    await Promise.resolve()
    expect(settled).toEqual([])
    progress.advance(at(1, 3))
    await reached
    expect(settled).toEqual([true])
    expect(time.pending).toBe(0)
  })

  it('gives up after the given time', async () => {
    const time = new ManualTime()
    const progress = new TailProgress(time)
    const reached = progress.reach([at(0, 5)], 1_000)
    time.pass(1_000)
    expect(await reached).toBe(false)
    progress.advance(at(0, 5))
    expect(progress.at(at(0, 0))).toBe(5)
  })

  it('waits for ever when no time is given', async () => {
    const time = new ManualTime()
    const progress = new TailProgress(time)
    const reached = progress.reach([at(0, 5)], null)
    time.pass(2 ** 40)
    progress.advance(at(0, 5))
    expect(await reached).toBe(true)
  })
})
