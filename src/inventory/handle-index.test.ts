import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HandleRegistered } from '../domain/inventory-messages.ts'
import { HandleIndex, nameOf } from './handle-index.ts'

function handle(alternateId: string, changes: Partial<HandleRegistered> = {}): HandleRegistered {
  return {
    ...{ type: 'HandleRegistered', alternateId, cmHandle: `ch-${alternateId}`, moduleSetTag: 'tag', dataProducerId: 'p' },
    ...{ service: 'dmi', writeService: null, state: 'READY', properties: {} },
    ...changes,
  }
}

function indexOf(...alternateIds: string[]): HandleIndex {
  const index = new HandleIndex()
  for (const alternateId of alternateIds) index.put(handle(alternateId))
  return index
}

describe('HandleIndex', () => {
  it('finds the longest registered prefix', () => {
    const index = indexOf('/a=1', '/a=1/b=2/c=3', '/a=1/b=2')
    const names = ['/a=1', '/a=1/x=9', '/a=1/b=2', '/a=1/b=2/c=3/d=4/e=5', '/a=1/b=2/c=33']
    expect(names.map((name) => index.find(name)?.alternateId)).toEqual(['/a=1', '/a=1', '/a=1/b=2', '/a=1/b=2/c=3', '/a=1/b=2'])
  })

  it('compares whole segments only', () => {
    const index = indexOf('/a=1/b=2')
    expect(['/a=1/b=22', '/a=1/b=', '/a=1', '/a=1b=2', '/x/a=1/b=2', ''].map((name) => index.find(name))).toEqual(Array(6).fill(undefined))
  })

  it.each(['/a=1/b=2', 'a=1/b=2', '/a=1/b=2/', 'a=1/b=2/'])('knows %s with and without slashes at either end', (alternateId) => {
    const index = indexOf(alternateId)
    for (const name of ['/a=1/b=2', 'a=1/b=2', '/a=1/b=2/', 'a=1/b=2/', '/a=1/b=2/c=3', 'a=1/b=2/c=3/']) {
      expect(index.find(name)?.cmHandle).toBe(`ch-${alternateId}`)
    }
  })

  it('lets a later registration take the place of an earlier one', () => {
    const index = indexOf('/a=1')
    index.put(handle('a=1/', { cmHandle: 'new', service: 'other', state: 'LOCKED', properties: { colour: 'red' } }))
    expect(index.size).toBe(1)
    expect(index.find('/a=1/b=2')).toMatchObject({ cmHandle: 'new', service: 'other', ready: false, state: 'LOCKED' })
    expect(index.byAlternateId('a=1')?.properties).toEqual({ colour: 'red' })
    expect([index.byCmHandle('ch-/a=1'), index.byCmHandle('new')?.alternateId]).toEqual([undefined, 'a=1'])
  })

  it('falls back to the parent once a handle is removed', () => {
    const index = indexOf('/a=1', '/a=1/b=2')
    index.remove('a=1/b=2')
    expect(index.find('/a=1/b=2')?.alternateId).toBe('/a=1')
    index.remove('/a=1')
    expect([index.find('/a=1/b=2'), index.size]).toEqual([undefined, 0])
  })

  it('gives all that was registered', () => {
    const index = new HandleIndex()
    const message = handle('/a=1', { moduleSetTag: 't2', dataProducerId: '', writeService: 'w', properties: { a: 'b' } })
    index.put(message)
    const { moduleSetTag, dataProducerId, service, writeService, state, properties, ready } = index.byCmHandle('ch-/a=1') ?? {}
    const { moduleSetTag: tag, properties: given } = message
    expect({ moduleSetTag, dataProducerId, service, writeService, state, properties, ready }).toEqual({
      ...{ moduleSetTag: tag, dataProducerId: '', service: 'dmi', writeService: 'w', state: 'READY', properties: given, ready: true },
    })
  })

  it.each(['', '/', '//'])('refuses an alternate id without a name: %j', (alternateId) => {
    const index = new HandleIndex()
    expect(index.put(handle(alternateId))).toBe(false)
    expect(index.find('/a=1')).toBeUndefined()
  })

  it('answers like a search through all handles, whatever is registered and removed', () => {
    const segment = fc.constantFrom('a=1', 'a=2', 'b=ü', 'b=11', '')
    const names = fc
      .tuple(fc.constantFrom('', '/'), fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '/'))
      .map(([before, segments, after]) => before + segments.join('/') + after)
    const steps = fc.array(fc.tuple(fc.constantFrom('put', 'put', 'remove'), names), { maxLength: 60 })
    fc.assert(
      fc.property(steps, fc.array(names, { maxLength: 20 }), (all, wanted) => {
        const index = new HandleIndex()
        const model = new Map<string, string>()
        for (const [n, [step, name]] of all.entries()) {
          if (step === 'remove') {
            index.remove(name)
            model.delete(nameOf(name))
          } else if (index.put(handle(name, { cmHandle: `ch-${n}` }))) {
            model.set(nameOf(name), `ch-${n}`)
          }
        }
        expect(index.size).toBe(model.size)
        for (const name of wanted) expect(index.find(name)?.cmHandle).toBe(searchAll(model, name))
        for (const cmHandle of model.values()) expect(index.byCmHandle(cmHandle)?.cmHandle).toBe(cmHandle)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps thousands of handles apart while they come and go', () => {
    const index = new HandleIndex()
    const name = (n: number): string => `/net=1/node=${n}`
    for (let n = 0; n < 5_000; n += 1) index.put(handle(name(n)))
    for (let n = 0; n < 5_000; n += 3) index.remove(name(n))
    for (let n = 5_000; n < 8_000; n += 1) index.put(handle(name(n)))
    for (let n = 0; n < 8_000; n += 1) {
      const isThere = n >= 5_000 || n % 3 !== 0
      expect(index.find(`${name(n)}/cell=1`)?.alternateId).toBe(isThere ? name(n) : undefined)
    }
  })
})

/** As the contract page says it: the name, else its parent, else its parent's. */
function searchAll(model: ReadonlyMap<string, string>, name: string): string | undefined {
  for (let rest = nameOf(name); ; rest = rest.slice(0, rest.lastIndexOf('/'))) {
    const found = model.get(rest)
    if (found !== undefined || !rest.includes('/')) return found
  }
}
