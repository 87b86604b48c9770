import { beforeEach, describe, expect, it } from 'vitest'
import type { ProcessRegistered } from '../domain/inventory-messages.ts'
import { type OfferedProcess, ProcessIndex, type ProcessPage } from './process-index.ts'

const offered = (id: string): OfferedProcess => ({
  ...{ id, version: '1', description: '{}', modes: ['async'], executionUnit: null, service: 'exec', mutable: true },
})
const registered = (tenant: string, id: string): ProcessRegistered => ({
  ...{ type: 'ProcessRegistered', tenant, ...offered(id), registeredAt: 1_000 },
})
const FIRST = { limit: 10, after: null, before: null }

describe('ProcessIndex', () => {
  let index: ProcessIndex
  const ids = ({ items }: ProcessPage): readonly string[] => items.map(({ id }) => id)

  beforeEach(() => {
    index = new ProcessIndex([offered('m')])
    for (const id of ['z', 'a', 'c']) index.put(registered('east', id))
  })

  it('lists what is built in for everybody, and what is registered for its tenant alone', () => {
    expect(ids(index.list('east', FIRST))).toEqual(['a', 'c', 'm', 'z'])
    expect(ids(index.list('west', FIRST))).toEqual(['m'])
    expect(index.find('west', 'a')).toBeUndefined()
  })

  it('pages forward and back in the order of ids, and says where there is more', () => {
    const first = index.list('east', { ...FIRST, limit: 2 })
    expect(first).toMatchObject({ hasPrevious: false, hasNext: true })
    const second = index.list('east', { ...FIRST, limit: 2, after: 'c' })
    expect([ids(second), second.hasPrevious, second.hasNext]).toEqual([['m', 'z'], true, false])
    expect(index.list('east', { ...FIRST, limit: 2, before: 'm' })).toEqual(first)
  })

  it('goes on where it was although processes come and go between two pages', () => {
    expect(ids(index.list('east', { ...FIRST, limit: 2 }))).toEqual(['a', 'c'])
    index.remove('east', 'c')
    index.put(registered('east', 'b'))
    expect(ids(index.list('east', { ...FIRST, after: 'c' }))).toEqual(['m', 'z'])
    expect(ids(index.list('east', { ...FIRST, before: 'm' }))).toEqual(['a', 'b'])
  })

  it('has an empty page behind the last process and before the first', () => {
    for (const page of [{ ...FIRST, after: 'z' }, { ...FIRST, before: 'a' }]) {
      expect(index.list('east', page)).toMatchObject({ items: [] })
    }
  })

  it('replaces a process that is registered again', () => {
    index.put({ ...registered('east', 'a'), version: '2' })
    expect(index.find('east', 'a')?.version).toBe('2')
    expect(ids(index.list('east', FIRST))).toEqual(['a', 'c', 'm', 'z'])
  })
})
