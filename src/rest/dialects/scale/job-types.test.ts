import { beforeEach, describe, expect, it } from 'vitest'
import { manifestOf, ScaleFixture } from '../../../../test/fakes/scale-fixture.ts'
import { stableId } from './ids.ts'

describe('a job type', () => {
  let scale: ScaleFixture

  beforeEach(() => {
    scale = new ScaleFixture()
    return () => scale.close()
  })

  it('has an id that its name and version make, and every field', async () => {
    const created = await scale.send('POST', 'job-types/', { manifest: manifestOf(), priority: 5, docker_image: 'checksum:1' })
    expect(created.statusCode, created.body).toBe(201)
    const now = '2025-11-22T04:19:00.250Z'
    const type = {
      ...{ id: stableId('job-type', 'checksum', '1.0.0'), name: 'checksum', version: '1.0.0', title: 'Checksum', description: 'Sums up' },
      ...{ is_active: true, is_system: false, is_paused: false, is_published: false, icon_code: null, unmet_resources: null },
      ...{ max_tries: 3, priority: 5, timeout: 60, revision_num: 1, docker_image: 'checksum:1', configuration: {}, manifest: manifestOf() },
      ...{ created: now, last_modified: now },
    }
    expect(created.json()).toEqual(type)
    expect((await scale.get('job-types/checksum/1.0.0/')).json()).toEqual(type)
    expect((await scale.get('job-types/?name=checksum')).json()).toEqual({ count: 1, next: null, previous: null, results: [type] })
    expect((await scale.get('job-types/?name=other')).json()).toMatchObject({ count: 0 })
    expect((await scale.get('job-types/checksum/2/')).json()).toEqual({ detail: 'There is no job type "checksum" "2"' })
  })

  it('of the same name and version edits it: another manifest is another revision', async () => {
    const id = await scale.type()
    const same = await scale.send('POST', 'job-types/', { manifest: manifestOf(), max_tries: 5 })
    expect([same.statusCode, same.json()]).toMatchObject([200, { id, max_tries: 5, revision_num: 1 }])
    const edited = await scale.send('POST', 'job-types/', { manifest: manifestOf({ title: 'New' }) })
    expect(edited.json()).toMatchObject({ id, max_tries: 5, title: 'New', revision_num: 2 })
  })

  it('is paused, resumed and changed', async () => {
    await scale.type()
    const patched = await scale.send('PATCH', 'job-types/checksum/1.0.0/', { is_paused: true, timeout: 9 })
    expect(patched.json()).toMatchObject({ is_paused: true, timeout: 9, priority: 100, revision_num: 1 })
    expect((await scale.send('PATCH', 'job-types/checksum/1.0.0/', {})).statusCode).toBe(400)
    expect((await scale.send('PATCH', 'job-types/checksum/2/', { is_paused: true })).statusCode).toBe(404)
  })

  it('is looked at by the producer that would run it, with its limits', async () => {
    await scale.type()
    expect(scale.rest.checked).toMatchObject([{ service: 'exec', value: { input: { command: ['sh', 'sha256sum', 'x'] } } }])
    const environment = { SCENE: '1', MODE: 'x', OUTPUT_DIR: '.' }
    expect(scale.rest.checked).toMatchObject([{ value: { input: { environment, cores: 1, memoryMB: 128, timeoutSeconds: 60 } } }])
    scale.rest.unitCheck = { type: 'refused', reason: 'command: "sh" is not on the list' }
    const refused = await scale.send('POST', 'job-types/', { manifest: manifestOf() })
    const detail = 'manifest: the command can’t run. command: "sh" is not on the list'
    expect([refused.statusCode, refused.json()]).toEqual([400, { detail }])
    scale.rest.unitCheck = { type: 'unknown', reason: 'it did not answer' }
    expect((await scale.send('POST', 'job-types/', { manifest: manifestOf() })).statusCode).toBe(503)
    scale.rest.services.clear()
    const away = await scale.send('POST', 'job-types/', { manifest: manifestOf() })
    expect(away.json()).toEqual({ detail: expect.stringContaining('is not registered') as string })
  })

  it.each([
    [{ manifest: undefined }, 'manifest'],
    [{ name: 'other' }, 'name: "other" is not the manifest’s, "checksum"'],
    [{ unknown: 1 }, 'must not have additional properties'],
    [{ manifest: manifestOf({ interface: { command: "sh 'x" } }) }, 'a quote is not closed'],
    [{ priority: 0 }, 'priority'],
  ])('is refused with %j', async (body, detail) => {
    const answer = await scale.send('POST', 'job-types/', { manifest: manifestOf(), ...body })
    expect([answer.statusCode, answer.json<{ detail: string }>().detail]).toEqual([400, expect.stringContaining(detail)])
  })
})
