import { describe, expect, it } from 'vitest'
import { SpillFailure } from '../../src/spill/operation-spill.ts'
import { LANE_GROUP, LANE_ID, type LaneProcess, LaneWorld } from './lane-world.ts'
import { TOPICS } from './settings.ts'

async function running(world: LaneWorld, name = 'a'): Promise<LaneProcess> {
  const one = await world.start(name)
  expect(await world.until(() => one.session.ready())).toBe(true)
  return one
}

describe('a lane', () => {
  it('takes its input once, in order', async () => {
    const world = new LaneWorld()
    await running(world)
    world.write(25)
    expect(await world.until(() => world.output.length === 25)).toBe(true)
    expect(world.output).toEqual(Array.from({ length: 25 }, (_, at) => at))
  })

  it('looks after what its stage needs before it takes records, and before the turn after one in which something was missing', async () => {
    const world = new LaneWorld()
    await running(world)
    world.write(1)
    await world.until(() => world.prepared.length === 3)
    await world.pass(1_000)
    const missing = { records: 0, hasMissed: true }
    expect(world.prepared).toEqual([{ records: 1, hasMissed: false }, missing, missing])
  })

  it('repeats nothing after a commit whose answer was lost', async () => {
    const world = new LaneWorld()
    const { session, events } = await running(world)
    world.loseNextCommit({ isDone: true })
    world.write(1)
    await world.until(() => events.includes('LaneFailed'))
    expect(world.output).toEqual([0])
    expect(await world.until(() => session.ready())).toBe(true)
    world.write(1)
    await world.until(() => world.output.length > 1)
    expect(world.output).toEqual([0, 1])
  })

  it('does it again after a commit that did not arrive', async () => {
    const world = new LaneWorld()
    const { events } = await running(world)
    world.loseNextCommit({ isDone: false })
    world.write(1)
    await world.until(() => events.includes('LaneFailed'))
    expect(world.output).toEqual([])
    await world.until(() => world.output.length > 0)
    expect(world.output).toEqual([0])
  })

  it('begins effects only when what they follow from is committed, but those that only ask', async () => {
    const world = new LaneWorld()
    const { events } = await running(world)
    world.loseNextCommit({ isDone: false })
    world.write(1)
    await world.until(() => events.includes('LaneFailed'))
    expect([world.asked, world.begun]).toEqual([['a 0?'], []])
    await world.until(() => world.begun.length > 0)
    expect([world.asked, world.begun]).toEqual([['a 0?', 'a 0?'], ['a 0']])
  })

  it('goes on with input that it held back, once one turn has ended all that it held', async () => {
    const world = new LaneWorld()
    world.loadMax = 1
    await running(world)
    world.write(1)
    await world.until(() => world.output.length === 1)
    world.write(12)
    expect(await world.until(() => world.output.length === 13)).toBe(true)
  })

  it('goes on where it was when the group has forgotten that', async () => {
    const world = new LaneWorld()
    const { process } = await running(world)
    world.write(3)
    await world.until(() => world.output.length === 3)
    process.kill()
    world.broker.expireOffsets(LANE_GROUP)
    const events = (await running(world)).events
    world.write(1)
    expect(await world.until(() => world.output.length === 4)).toBe(true)
    expect(world.output).toEqual([0, 1, 2, 3])
    expect(events).not.toContain('LaneBroken')
    expect(world.broker.committedOffsets(LANE_GROUP, [TOPICS.subjobs])).toEqual([{ topic: TOPICS.subjobs, partition: 0, offset: 4 }])
  })

  it.each([1, 3, 9])('takes a topic that was made anew from its first record, with %i records by then', async (since) => {
    const world = new LaneWorld()
    const { process } = await running(world)
    world.write(3)
    await world.until(() => world.output.length === 3)
    process.kill()
    world.broker.deleteTopic(TOPICS.subjobs)
    world.broker.createTopic(TOPICS.subjobs, 1)
    world.write(since)
    await running(world)
    expect(await world.until(() => world.output.length === 3 + since)).toBe(true)
    expect(world.output.slice(3)).toEqual(Array.from({ length: since }, (_, index) => 3 + index))
  })

  it('that fails with what it takes says why, and waits longer each time until it has taken something', async () => {
    const world = new LaneWorld()
    const { session, restartsInMs } = await running(world)
    world.refusal = new SpillFailure('there is no room')
    world.write(1)
    await world.pass(1_000)
    expect(restartsInMs.slice(0, 6)).toEqual([10, 20, 40, 80, 100, 100])
    expect(await world.until(() => !session.ready())).toBe(true)
    expect(session.missing()).toBe('lanes are being restored: there is no room')
    world.refusal = null
    expect(await world.until(() => world.output.length === 1)).toBe(true)
    expect(session.missing()).toBeNull()
    const before = restartsInMs.length
    world.refusal = new SpillFailure('there is no room')
    world.write(1)
    await world.until(() => restartsInMs.length > before)
    expect(restartsInMs[before]).toBe(10)
  })

  it('that is released while its transaction is on its way ends that, and begins nothing', async () => {
    const world = new LaneWorld()
    const { session } = await running(world)
    const commit = world.broker.commit.bind(world.broker)
    world.broker.commit = (producer) => {
      commit(producer)
      void session.stop()
    }
    world.write(1)
    await world.pass(5_000)
    expect(world.output).toEqual([0])
    expect(world.begun).toEqual([])
  })
})

describe('a fenced lane', () => {
  it('publishes nothing and begins nothing, until the group has confirmed that the partition is still its own', async () => {
    const world = new LaneWorld()
    const { events, session } = await running(world)
    world.broker.initProducer(LANE_ID)
    world.write(1)
    expect(await world.until(() => events.includes('LaneFenced'))).toBe(true)
    expect(session.ready()).toBe(false)
    expect([world.output, world.begun]).toEqual([[], []])
    expect(await world.until(() => session.ready() && world.output.length === 1)).toBe(true)
    expect(world.output).toEqual([0])
  })

  it('after its process stood still beyond the session: what its successor did stands', async () => {
    const world = new LaneWorld()
    const zombie = await running(world, 'zombie')
    const successor = await world.start('successor')
    await world.pass(3_000)
    const [owner, other] = zombie.session.ready() && !successor.session.ready() ? [zombie, successor] : [successor, zombie]
    owner.process.pause()
    world.write(5)
    expect(await world.until(() => world.output.length === 5)).toBe(true)
    owner.process.resume()
    world.write(5)
    await world.pass(20_000)
    expect(world.output).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect([...owner.events, ...other.events]).not.toContain('LaneBroken')
  })
})

describe('a lane that stood still between its claim and its replay', () => {
  async function stoodStill(): Promise<{ world: LaneWorld; zombie: LaneProcess; successor: LaneProcess }> {
    const world = new LaneWorld()
    world.write(3)
    const zombie = await world.start('zombie')
    // The claim, and the marker behind it.
    await world.until(() => world.changelogEnd === 2)
    zombie.process.pause()
    const successor = await world.start('successor')
    expect(await world.until(() => world.output.length === 3)).toBe(true)
    return { world, zombie, successor }
  }

  it('works on the state and the positions of its claim, and is fenced with what it makes of them', async () => {
    const { world, zombie } = await stoodStill()
    zombie.process.resume()
    world.write(1)
    expect(await world.until(() => zombie.events.includes('LaneFenced'))).toBe(true)
    await world.pass(20_000)
    expect(zombie.events).not.toContain('LaneBroken')
    expect(world.output).toEqual([0, 1, 2, 3])
  })

  it('does not wait for a claim that compaction has removed since', async () => {
    const { world, zombie, successor } = await stoodStill()
    await world.pass(1_000)
    world.compact()
    successor.process.kill()
    zombie.process.resume()
    world.write(2)
    expect(await world.until(() => world.output.length === 5)).toBe(true)
    expect(zombie.session.ready()).toBe(true)
    expect(world.output).toEqual([0, 1, 2, 3, 4])
  })
})
