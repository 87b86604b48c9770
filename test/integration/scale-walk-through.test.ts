/** docs/scale.md, run as its reader would run it. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { ScaleClient } from '../harness/scale-client.ts'
import { walkThrough } from '../harness/walk-through.ts'

let installation: Installation
let service: Service

beforeAll(async () => {
  installation = await Installation.open('scale-walk', givenStack())
  service = await installation.service('service')
  await service.client.ready()
})

afterAll(() => installation.close())

it('goes from a manifest to a requeue, and leaves no process behind', async () => {
  const { code, out, err } = await walkThrough({ installation, service, page: 'docs/scale.md', words: {} })
  expect(code, `${out}\n${err}`).toBe(0)
  expect(out).toContain(`${createHash('sha256').update('scene 7\n').digest('hex')}  -`)
  const { body } = await new ScaleClient(service.client.url).call('GET', 'jobs/?order=id')
  expect(body).toMatchObject({ count: 3, results: expect.arrayContaining([expect.objectContaining({ num_exes: 2 })]) as unknown })
}, 300_000)
