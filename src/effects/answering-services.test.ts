import { describe, expect, it } from 'vitest'
import { ManualTime } from '../../test/fakes/manual-time.ts'
import type { DmiFailure } from '../dmi/dmi-client.ts'
import { AnsweringServices } from './answering-services.ts'

const PLACES = 256
const timedOut: DmiFailure = { ok: false, disposition: 'retry', cause: 'timeout', message: 'no answer within 30000 ms' }
const answered = { ok: true } as const

type Reply = DmiFailure | { readonly ok: true }

/** Services that answer when a test says so. */
class World {
  readonly time = new ManualTime()
  readonly begun = new Map<string, ((reply: Reply) => void)[]>()
  readonly #services = new AnsweringServices({ callsInFlightMax: PLACES, share: 1 / 4, clock: this.time })

  async call(name: string, times = 1): Promise<void> {
    for (let n = 0; n < times; n += 1) {
      const begin = (): Promise<Reply> => new Promise((resolve) => this.begun.set(name, [...(this.begun.get(name) ?? []), resolve]))
      void this.#services.run(name, async (hear) => {
        hear(await begin())
      })
    }
    await settled()
  }

  /** Ends what is under way at the service. */
  async end(name: string, reply: Reply): Promise<void> {
    const ending = this.begun.get(name) ?? []
    this.begun.delete(name)
    for (const end of ending) end(reply)
    await settled()
  }

  underWay(name: string): number {
    return this.begun.get(name)?.length ?? 0
  }
}

/** All that could begin has begun. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('calls to services', () => {
  it('are one to a service that is not known to answer, and all at once when it does', async () => {
    const world = new World()
    await world.call('north', 20)
    expect(world.underWay('north')).toBe(1)
    await world.end('north', answered)
    expect(world.underWay('north')).toBe(19)
  })

  it('to a service that did not answer are made once that is known, and those that come then wait for another one', async () => {
    const world = new World()
    await world.call('north', 3)
    await world.end('north', timedOut)
    expect(world.underWay('north')).toBe(2)
    await world.call('north', 3)
    expect(world.underWay('north')).toBe(3)
    await world.end('north', answered)
    expect(world.underWay('north')).toBe(2)
  })

  it('find a place, however many services have never answered', async () => {
    const world = new World()
    for (let n = 0; n < 300; n += 1) await world.call(`hanging ${n}`, 64)
    const hanging = [...world.begun.keys()].length
    expect(hanging, 'as many as three quarters').toBe((PLACES * 3) / 4)
    await world.end('hanging 0', timedOut)
    await world.call('north')
    for (let n = 1; world.underWay('north') === 0; n += 1) await world.end(`hanging ${n}`, timedOut)
    await world.end('north', answered)
    for (let round = 0; round < 10; round += 1) {
      await world.call('north', 10)
      expect(world.underWay('north')).toBe(10)
      await world.end('north', answered)
    }
  })

  it('find a place beside any number of services that answer late', async () => {
    const world = new World()
    const slow = Array.from({ length: 50 }, (_, n) => `slow ${n}`)
    for (const name of [...slow, 'north']) await world.call(name)
    await world.end('north', answered)
    world.time.pass(5_000)
    for (const name of slow) await world.end(name, answered)
    for (const name of slow) await world.call(name, 64)
    await world.call('north', 16)
    expect(world.underWay('north')).toBe(16)
    expect(slow.reduce((sum, name) => sum + world.underWay(name), 0)).toBe((PLACES * 3) / 4)
  })

  it('count as late as soon as one of them hangs, not only when it is given up', async () => {
    const world = new World()
    await world.call('north')
    await world.end('north', answered)
    await world.call('north', 32)
    world.time.pass(1_000)
    for (let n = 0; n < 300; n += 1) await world.call(`hanging ${n}`)
    await world.call('north')
    expect(world.underWay('north')).toBe(32)
  })

  it('that were given up by their caller say nothing about a service', async () => {
    const world = new World()
    await world.call('north')
    await world.end('north', { ...timedOut, cause: 'aborted', message: 'given up by the caller' })
    await world.call('north', 3)
    expect(world.underWay('north')).toBe(1)
  })
})
