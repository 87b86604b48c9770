/** docs/daggy.md, run as its reader would run it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RunSummary } from '../../src/rest/dialects/daggy/schemas.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { walkThrough } from '../harness/walk-through.ts'

let installation: Installation
let service: Service

beforeAll(async () => {
  installation = await Installation.open('daggy-walk', givenStack())
  service = await installation.service('service')
  await service.client.ready()
})

afterAll(() => installation.close())

it('goes from a specification to what its last task has printed, and leaves no process behind', async () => {
  const { code, out, err } = await walkThrough({ installation, service, page: 'docs/daggy.md', words: {} })
  expect(code, `${out}\n${err}`).toBe(0)
  const runs = (await (await fetch(`${service.client.url}/v1/dagruns?all=1`)).json()) as readonly RunSummary[]
  const completed = { state: 'COMPLETED', taskCounts: { COMPLETED: 4 } }
  expect(runs).toMatchObject([{ tag: 'counted', ...completed }, { tag: 'squares', ...completed }])
  expect(out).toContain('"outputLog":"169\\n"')
}, 300_000)
