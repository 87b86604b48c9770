import { beforeEach, describe, expect, it, vi } from 'vitest'
import { jsonCodec } from '../../test/fakes/json-codec.ts'
import { ManualTime } from '../../test/fakes/manual-time.ts'
import { MemoryTopics } from '../../test/fakes/memory-topics.ts'
import type { DefinitionRegistered, HandleRegistered, ProcessRegistered, ServiceRegistered } from '../domain/inventory-messages.ts'
import type { Message } from '../domain/messages.ts'
import type { Position } from '../kafka/port.ts'
import { definitionOf, definitionPath } from './definition-handles.ts'
import { definitionKey, handleKey, Inventory, processKey, serviceKey } from './inventory.ts'
import { processPath } from './process-handles.ts'

const service = (name: string): ServiceRegistered => {
  const auth = { username: 'u', password: 'secret' }
  const limits = { subjobsInFlightMax: 4, subjobTimeoutMs: null }
  return { type: 'ServiceRegistered', name, baseUrl: 'http://127.0.0.1:1', contract: 'dataJob', ...auth, ...limits }
}
const handle = (alternateId: string): HandleRegistered => ({
  ...{ type: 'HandleRegistered', alternateId, cmHandle: `ch-${alternateId}`, moduleSetTag: '', dataProducerId: 'p' },
  ...{ service: 'dmi', writeService: null, state: 'READY', properties: {} },
})
const process = (tenant: string, id: string): ProcessRegistered => ({
  ...{ type: 'ProcessRegistered', tenant, id, version: '1', description: '{}', modes: ['async'], executionUnit: null },
  ...{ service: 'exec', mutable: true, registeredAt: 1_000 },
})

const definition = (tenant: string, id: string, registeredAt: number): DefinitionRegistered => ({
  ...{ type: 'DefinitionRegistered', tenant, dialect: 'maap', kind: 'jobs', id, document: '{}', service: 'exec', registeredAt },
  paused: false,
})

describe('Inventory', () => {
  let topics: MemoryTopics
  const skipped = vi.fn()
  const failed = vi.fn()
  const write = (key: string, message: Message | null): Position =>
    topics.append({ topic: 'inventory', key, value: message === null ? null : jsonCodec.encode(message) })
  const open = async (): Promise<Inventory> => {
    const events = { skipped, failed, waiting: () => undefined }
    const parts = { kafka: topics, admin: topics, codec: jsonCodec, topic: 'inventory', timers: new ManualTime() }
    const inventory = new Inventory({ ...parts, events })
    await inventory.start()
    await expect.poll(() => inventory.isReady()).toBe(true)
    return inventory
  }

  beforeEach(() => {
    topics = new MemoryTopics({ inventory: 2 })
    vi.clearAllMocks()
  })

  it('knows all that was registered before it started, once it is ready', async () => {
    for (let n = 0; n < 1_000; n += 1) write(handleKey(`/a=${n}`), handle(`/a=${n}`))
    write(serviceKey('dmi'), service('dmi'))
    const inventory = await open()
    expect(inventory.handles).toBe(1_000)
    expect(inventory.find('/a=999/b=1', 'default')?.dataProducerId).toBe('p')
    expect(inventory.service('dmi')).toEqual(service('dmi'))
  })

  it('knows what was registered before a call of caughtUp, so that a job may follow a registration at once', async () => {
    const inventory = await open()
    const { find } = inventory
    write(handleKey('/a=1'), handle('/a=1'))
    expect(find('/a=1', 'default')).toBeUndefined()
    expect(await inventory.caughtUp(1_000)).toBe(true)
    expect(find('/a=1', 'default')?.cmHandle).toBe('ch-/a=1')
  })

  it('lets whoever registers wait until it counts', async () => {
    const inventory = await open()
    expect(await inventory.waitFor(write(serviceKey('dmi'), service('dmi')), 1_000)).toBe(true)
    expect(inventory.service('dmi')).toBeDefined()
  })

  it('forgets what was removed', async () => {
    write(handleKey('/a=1'), handle('/a=1'))
    write(serviceKey('dmi'), service('dmi'))
    const inventory = await open()
    write(handleKey('a=1/'), null)
    write(serviceKey('dmi'), null)
    await inventory.caughtUp(1_000)
    expect([inventory.find('/a=1', 'default'), inventory.service('dmi'), inventory.handles]).toEqual([undefined, undefined, 0])
  })

  it('lists services by name and shows no password', async () => {
    for (const name of ['west', 'east']) write(serviceKey(name), service(name))
    const inventory = await open()
    expect(inventory.services().map((each) => [each.name, each.hasPassword])).toEqual([
      ['east', true],
      ['west', true],
    ])
    expect(JSON.stringify(inventory.services())).not.toContain('secret')
  })

  it('knows each tenant’s processes, and forgets those removed', async () => {
    write(processKey('east', 'a/b'), process('east', 'a/b'))
    write(processKey('west', 'a/b'), process('west', 'a/b'))
    const inventory = await open()
    expect(inventory.processes.find('east', 'a/b')).toEqual(process('east', 'a/b'))
    write(processKey('east', 'a/b'), null)
    await inventory.caughtUp(1_000)
    expect(inventory.processes.find('east', 'a/b')).toBeUndefined()
    expect(inventory.processes.find('west', 'a/b')).toEqual(process('west', 'a/b'))
  })

  it('knows each tenant’s definitions of a kind, the newest first, and forgets those removed', async () => {
    const place = { tenant: 'east', dialect: 'maap', kind: 'jobs' }
    const [one, other] = [definition('east', 'a/b', 1_000), definition('east', 'c', 2_000)]
    for (const each of [one, other, definition('west', 'd', 3_000)]) write(definitionKey(each, each.id), each)
    const { definitions } = await open()
    expect(definitions.list(place, { offset: 0, limit: 10 })).toEqual([other, one])
    expect(definitions.list(place, { offset: 1, limit: 10 })).toEqual([one])
    expect([definitions.find(place, 'a/b'), definitions.find(place, 'd'), definitions.bytes(place)]).toEqual([one, undefined, 4])
    write(definitionKey(place, 'a/b'), null)
    write(definitionKey(place, 'c'), { ...other, document: '{"n":1}' })
    await expect.poll(() => definitions.find(place, 'a/b')).toBeUndefined()
    await expect.poll(() => definitions.bytes(place)).toBe(7)
    expect(definitions.list(place, { offset: 0, limit: 10 }).map(({ id }) => id)).toEqual(['c'])
  })

  it('finds who carries out each part of what a definition asks for, for its own tenant’s jobs', async () => {
    const each = definition('east', 'a/b', 1_000)
    write(definitionKey(each, each.id), each)
    write(definitionKey(each, 'nobody'), { ...each, id: 'nobody', service: null })
    const { find } = await open()
    const path = (id: string, part: number): string => definitionPath({ dialect: 'maap', kind: 'jobs', id, part })
    const found = [0, 1].map((part) => find(path('a/b', part), 'east'))
    expect(found).toMatchObject([
      { service: 'exec', dataProducerId: 'east/maap/jobs/0', ready: true },
      { service: 'exec', dataProducerId: 'east/maap/jobs/1', ready: true },
    ])
    const nobody = [find(path('a/b', 0), 'west'), find(path('nobody', 0), 'east'), find('/datajob-definitions/maap/jobs/%/0', 'east')]
    expect(nobody).toEqual([undefined, undefined, undefined])
  })

  it('knows what is paused, whatever part of it is asked for', async () => {
    const each = { ...definition('east', 'a/b', 1_000), paused: true }
    write(definitionKey(each, each.id), each)
    write(definitionKey(each, 'c'), { ...each, id: 'c', paused: false })
    const { isPaused } = await open()
    const [one = '', other = ''] = ['a/b', 'c'].map((id, part) => {
      return definitionOf(`${definitionPath({ dialect: 'maap', kind: 'jobs', id, part })}#run`) ?? ''
    })
    expect([one, other]).toEqual(['/datajob-definitions/maap/jobs/a%2Fb', '/datajob-definitions/maap/jobs/c'])
    expect([isPaused(one, 'east'), isPaused(one, 'west')]).toEqual([true, false])
    expect([isPaused(other, 'east'), isPaused('/a', 'east')]).toEqual([false, false])
    expect(definitionOf('/a/datajob-definitions/b')).toBeNull()
  })

  it('lets nobody put another process in the place of one that is built in', async () => {
    write(processKey('east', 'echo'), process('east', 'echo'))
    const inventory = await open()
    expect(inventory.processes.find('east', 'echo')?.mutable).toBe(false)
    expect(skipped.mock.calls.map(([, cause]) => String(cause))).toEqual(['the process "echo" is built in'])
  })

  it('finds a process by its path for its own tenant’s jobs, and for nobody else’s', async () => {
    write(processKey('east', 'a/b'), process('east', 'a/b'))
    const { find } = await open()
    expect(find(processPath('a/b'), 'east')).toMatchObject({ service: 'exec', dataProducerId: 'east/a/b', ready: true })
    expect(find(processPath('a/b'), 'west')).toBeUndefined()
    expect(find(processPath('echo'), 'west')).toMatchObject({ service: 'datajob', dataProducerId: 'west/echo' })
    expect(find('/ogc-processes/%', 'east')).toBeUndefined()
  })

  it('lets no handle and no service stand in the place of what is its own', async () => {
    write(handleKey('/ogc-processes'), handle('/ogc-processes/'))
    write(handleKey('/ogc-processes/echo'), handle('ogc-processes/echo'))
    write(serviceKey('datajob'), service('datajob'))
    const inventory = await open()
    expect(inventory.find('/ogc-processes/ndvi', 'east')).toBeUndefined()
    expect(inventory.service('datajob')).toBeUndefined()
    expect(skipped.mock.calls.map(([, cause]) => String(cause))).toEqual([
      'the alternate id "/ogc-processes/" is below a reserved name',
      'the alternate id "ogc-processes/echo" is below a reserved name',
      'the DMI service "datajob" is built in',
    ])
  })

  it('passes over what it can not use, and says so', async () => {
    topics.append({ topic: 'inventory', key: 'ch/a', value: '{' })
    write('job-1', { type: 'SubjobEnded' } as Message)
    write('ch/', handle('/'))
    write('other', null)
    write(handleKey('/a=1'), handle('/a=1'))
    const inventory = await open()
    expect(inventory.handles).toBe(1)
    expect(failed).not.toHaveBeenCalled()
    expect(skipped.mock.calls.map(([, cause]) => String(cause).slice(0, 34))).toEqual([
      expect.stringContaining('SyntaxError'),
      'a SubjobEnded does not belong on i',
      'the alternate id "/" names nothing',
      'the key "other" begins with none o',
    ])
  })

  it('gives a handle one key, however its alternate id is written', () => {
    expect(new Set(['/a=1/b=2', 'a=1/b=2', '/a=1/b=2/'].map(handleKey))).toEqual(new Set(['ch/a=1/b=2']))
  })
})
