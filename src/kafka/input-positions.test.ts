import { describe, expect, it } from 'vitest'
import { type OffsetsByTopic, InputPositions, positionsIn } from './input-positions.ts'
import type { KafkaAdmin, OutputRecord } from './port.ts'

const at = (topic: string, offset: number): { topic: string; offset: number } => ({ topic, offset })

async function begun(stored: OffsetsByTopic): Promise<InputPositions> {
  const here = (offset: number): Promise<readonly { topic: string; partition: number; offset: number }[]> =>
    Promise.resolve(['commands', 'events'].map((topic) => ({ topic, partition: 3, offset })))
  const admin = {
    committedOffsets: () => here(-1),
    startOffsets: () => here(0),
    endOffsets: () => here(1_000),
  } as unknown as KafkaAdmin
  const options = { admin, groupId: 'g', inputs: ['commands', 'events'], changelog: 'c', partition: 3 } as const
  const positions = new InputPositions(options)
  await positions.readCommitted()
  await positions.begin(stored)
  return positions
}

function storedBy({ records }: { readonly records: readonly OutputRecord[] }): OffsetsByTopic {
  const { key, value } = records[0]!
  return positionsIn(String(key), value)!
}

function wasTaken(positions: InputPositions, topic: string, offsets: readonly number[]): readonly boolean[] {
  const rest = { partition: 3, key: null, value: null, headers: {}, timestampMs: 0 }
  return offsets.map((offset) => positions.wasTaken({ topic, offset, ...rest }))
}

describe('positions of a stage that keeps records', () => {
  it('stay before the first one that is kept, and move on when it is not any more', async () => {
    const positions = await begun(new Map())
    expect(positions.advance([at('commands', 10), at('events', 5)], 4).offsets.map(({ offset }) => offset)).toEqual([5, 4])
    expect(positions.advance([], 4)).toEqual({ offsets: [], records: [] })
    expect(positions.advance([], 7).offsets).toEqual([{ topic: 'commands', partition: 3, offset: 7 }])
    expect(positions.advance([], null).offsets).toEqual([{ topic: 'commands', partition: 3, offset: 10 }])
  })

  it('tell after a restart which records are there again', async () => {
    const first = await begun(new Map())
    const stored = storedBy(first.advance([at('commands', 10)], 4))
    const second = await begun(stored)
    expect(second.all()).toContainEqual(at('commands', 4))
    expect(wasTaken(second, 'commands', [3, 4, 9, 10])).toEqual([false, true, true, false])
    expect(wasTaken(second, 'events', [3, 4, 9, 10])).toEqual([false, false, false, false])
  })

  it('know that still after another restart in the middle of what is read again', async () => {
    const stored = storedBy((await begun(new Map())).advance([at('commands', 10)], 4))
    const again = storedBy((await begun(stored)).advance([at('commands', 6)], 5))
    const third = await begun(again)
    expect(third.all()).toContainEqual(at('commands', 5))
    expect(wasTaken(third, 'commands', [5, 9, 10])).toEqual([true, true, false])
  })

  it('are what was read where nothing is kept', async () => {
    const stored = storedBy((await begun(new Map())).advance([at('commands', 10)]))
    expect(stored).toEqual(new Map([['commands', 10], ['events', 0]]))
    expect(wasTaken(await begun(stored), 'commands', [9, 10])).toEqual([false, false])
  })

  it('need not be written by a turn that only keeps more, and are then by the next that is, whatever that takes', async () => {
    const first = await begun(new Map())
    expect(first.skips([at('commands', 10)], 4)).toBe(false)
    first.advance([at('commands', 10)], 4)
    expect(first.skips([at('commands', 12), at('events', 1)], 4)).toBe(false)
    expect([first.skips([at('commands', 12)], 5), first.skips([at('commands', 12)], null)]).toEqual([false, false])
    expect(first.skips([at('commands', 12)], 4)).toBe(true)
    const second = await begun(storedBy(first.advance([], 4)))
    expect(wasTaken(second, 'commands', [4, 11, 12])).toEqual([true, true, false])
    expect(first.advance([], 4).records).toEqual([])
  })
})
