import { describe, expect, it } from 'vitest'
import { Places } from './places.ts'

/** Work that a test ends when it likes. */
class Work {
  readonly begun: string[] = []
  readonly #ends: (() => void)[] = []

  readonly of = (name: string) => (): Promise<void> => {
    this.begun.push(name)
    return new Promise((resolve) => {
      this.#ends.push(resolve)
    })
  }

  async endFirst(): Promise<void> {
    this.#ends.shift()?.()
    await settled()
  }
}

/** All that could begin has begun. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

const north = { name: 'north', share: 0.25 }
const south = { name: 'south', share: 0.25 }

describe('places', () => {
  it('leave others theirs when one party hangs', async () => {
    const places = new Places(8)
    const work = new Work()
    for (let n = 0; n < 20; n += 1) void places.run([north], work.of('north'))
    for (let n = 0; n < 3; n += 1) void places.run([south], work.of('south'))
    await settled()
    expect(work.begun).toEqual(['north', 'north', 'south', 'south'])
    await work.endFirst()
    expect(work.begun).toEqual(['north', 'north', 'south', 'south', 'north'])
  })

  it('leave others some when many parties hang, from the first time on that their calls have timed out', async () => {
    const places = new Places(256)
    const work = new Work()
    for (let party = 0; party < 50; party += 1) {
      for (let n = 0; n < 100; n += 1) void places.run([{ name: `hanging ${party}`, share: 0.25 }], work.of('hanging'))
    }
    await settled()
    for (let ends = 0; ends < 256; ends += 1) await work.endFirst()
    const hanging = work.begun.length
    for (let n = 0; n < 100; n += 1) void places.run([south], work.of('south'))
    await settled()
    expect(work.begun.length - hanging).toBeGreaterThanOrEqual(2)
    expect(hanging - 256, 'most places are of use meanwhile').toBeGreaterThan(200)
  })

  it('come back to a party as others leave them', async () => {
    const places = new Places(8)
    const work = new Work()
    for (const party of [north, south]) for (let n = 0; n < 4; n += 1) void places.run([party], work.of(party.name))
    await settled()
    for (let ends = 0; ends < 8; ends += 1) await work.endFirst()
    expect(work.begun.toSorted()).toEqual([...Array<string>(4).fill('north'), ...Array<string>(4).fill('south')])
  })

  it('are no more than there are, however many parties', async () => {
    const places = new Places(4)
    const work = new Work()
    for (let n = 0; n < 6; n += 1) void places.run([{ name: `party ${n}`, share: 0.25 }], work.of(`party ${n}`))
    await settled()
    expect(work.begun).toEqual(['party 0', 'party 1', 'party 2', 'party 3'])
    await work.endFirst()
    expect(work.begun).toHaveLength(5)
  })

  it('are asked of every party that the work needs', async () => {
    const places = new Places(8)
    const work = new Work()
    const store = { name: 'store', share: 0.25 }
    for (const party of [north, south, north]) void places.run([party, store], work.of(party.name))
    void places.run([north], work.of('north, without the store'))
    void places.run([south], work.of('south, without the store'))
    await settled()
    expect(work.begun).toEqual(['north', 'south', 'north, without the store', 'south, without the store'])
  })

  it('are at least one for everybody', async () => {
    const places = new Places(1)
    const work = new Work()
    void places.run([north], work.of('north'))
    await settled()
    expect(work.begun).toEqual(['north'])
  })

  it('are free again when work fails', async () => {
    const places = new Places(1)
    await expect(places.run([north], () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(places.run([north], () => Promise.resolve('done'))).resolves.toBe('done')
  })

  it('are given away in the order in which they were asked for, also to thousands', async () => {
    const places = new Places(1)
    const begun: number[] = []
    const all = Array.from({ length: 5_000 }, (_, n) => {
      return places.run([], () => {
        begun.push(n)
        return Promise.resolve()
      })
    })
    await Promise.all(all)
    expect(begun).toEqual(Array.from({ length: 5_000 }, (_, n) => n))
  })
})
