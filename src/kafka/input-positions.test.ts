import { describe, expect, it } from 'vitest'
import { InputPositions, positionsWith, type StoredPositions } from './input-positions.ts'
import type { KafkaAdmin, OutputRecord, TopicIds } from './port.ts'

const IDS: TopicIds = new Map([['commands', 'c-1'], ['events', 'e-1']])
const NOTHING: StoredPositions = { offsets: new Map(), topicIds: new Map() }
/** What a life before has said, of the same topics and nothing of positions. */
const TOLD: StoredPositions = { offsets: new Map(), topicIds: IDS }

const at = (topic: string, offset: number): { topic: string; offset: number } => ({ topic, offset })

async function begun(stored: StoredPositions, { topicIds = IDS, committed = -1 } = {}): Promise<InputPositions> {
  const here = (offset: number): Promise<readonly { topic: string; partition: number; offset: number }[]> =>
    Promise.resolve(['commands', 'events'].map((topic) => ({ topic, partition: 3, offset })))
  const admin = {
    committedOffsets: () => here(committed),
    startOffsets: () => here(0),
    endOffsets: () => here(1_000),
  } as unknown as KafkaAdmin
  const options = { admin, groupId: 'g', inputs: ['commands', 'events'], changelog: 'c', topicIds, partition: 3 } as const
  const positions = new InputPositions(options)
  await positions.readCommitted()
  await positions.begin(stored)
  return positions
}

function storedBy({ records }: { readonly records: readonly OutputRecord[] }, before = TOLD): StoredPositions {
  return records.reduce((stored, { key, value }) => positionsWith(stored, String(key), value) ?? stored, before)
}

function wasTaken(positions: InputPositions, topic: string, offsets: readonly number[]): readonly boolean[] {
  const rest = { partition: 3, key: null, value: null, headers: {}, timestampMs: 0 }
  return offsets.map((offset) => positions.wasTaken({ topic, offset, ...rest }))
}

describe('positions of a stage that keeps records', () => {
  it('stay before the first one that is kept, and move on when it is not any more', async () => {
    const positions = await begun(TOLD)
    expect(positions.advance([at('commands', 10), at('events', 5)], 4).offsets.map(({ offset }) => offset)).toEqual([5, 4])
    expect(positions.advance([], 4)).toEqual({ offsets: [], records: [] })
    expect(positions.advance([], 7).offsets).toEqual([{ topic: 'commands', partition: 3, offset: 7 }])
    expect(positions.advance([], null).offsets).toEqual([{ topic: 'commands', partition: 3, offset: 10 }])
  })

  it('tell after a restart which records are there again', async () => {
    const first = await begun(TOLD)
    const stored = storedBy(first.advance([at('commands', 10)], 4))
    const second = await begun(stored)
    expect(second.all()).toContainEqual(at('commands', 4))
    expect(wasTaken(second, 'commands', [3, 4, 9, 10])).toEqual([false, true, true, false])
    expect(wasTaken(second, 'events', [3, 4, 9, 10])).toEqual([false, false, false, false])
  })

  it('know that still after another restart in the middle of what is read again', async () => {
    const stored = storedBy((await begun(TOLD)).advance([at('commands', 10)], 4))
    const again = storedBy((await begun(stored)).advance([at('commands', 6)], 5))
    const third = await begun(again)
    expect(third.all()).toContainEqual(at('commands', 5))
    expect(wasTaken(third, 'commands', [5, 9, 10])).toEqual([true, true, false])
  })

  it('are what was read where nothing is kept', async () => {
    const stored = storedBy((await begun(TOLD)).advance([at('commands', 10)]))
    expect(stored.offsets).toEqual(new Map([['commands', 10], ['events', 0]]))
    expect(wasTaken(await begun(stored), 'commands', [9, 10])).toEqual([false, false])
  })

  it('need not be written by a turn that only keeps more, and are then by the next that is, whatever that takes', async () => {
    const first = await begun(TOLD)
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

describe('positions in topics that were made again', () => {
  it('are the first ones, whatever the group and the changelog say', async () => {
    const stored = { offsets: new Map([['commands', 4], ['!taken', 10], ['events', 6]]), topicIds: IDS }
    const topicIds = new Map([['commands', 'c-2'], ['events', 'e-1']])
    const positions = await begun(stored, { topicIds, committed: 7 })
    expect(positions.all()).toEqual([at('commands', 0), at('events', 7)])
    expect(wasTaken(positions, 'commands', [4, 9])).toEqual([false, false])
  })

  it('are told with the ids of the topics, once, by a turn that may not be skipped', async () => {
    const first = await begun(NOTHING)
    const untold = await first.begin(NOTHING)
    expect(untold).toEqual([at('commands', 0), at('events', 0)])
    expect(first.skips([at('commands', 2)], 0)).toBe(false)
    const stored = storedBy(first.advance(untold), NOTHING)
    expect(stored).toEqual({ offsets: new Map([['commands', 0], ['events', 0]]), topicIds: IDS })
    expect(first.advance([at('events', 3)]).records).toHaveLength(1)
    const second = await begun(stored, { committed: 0 })
    expect(await second.begin(stored)).toEqual([])
  })

  it('hold where brokers give topics no ids, unless the topic ends before them', async () => {
    const offsets = new Map([['commands', 4], ['events', 1_001]])
    expect((await begun({ offsets, topicIds: IDS }, { topicIds: new Map() })).all()).toEqual([at('commands', 4), at('events', 0)])
  })
})
