/** docs/ogc.md, run as its reader would run it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { walkThrough } from '../harness/walk-through.ts'

interface StacItem {
  readonly type: string
  readonly bbox: readonly number[]
  readonly geometry: { readonly type: string }
  readonly properties: { readonly datetime: string }
  readonly assets: { readonly scene: { readonly href: string; readonly type: string } }
}

interface StacCatalog {
  readonly type: string
  readonly stac_version: string
  readonly links: readonly { readonly rel: string; readonly href: string }[]
}

let installation: Installation
let service: Service

beforeAll(async () => {
  installation = await Installation.open('walk-through', givenStack())
  service = await installation.service('service')
  await service.client.ready()
})

afterAll(() => installation.close())

it('goes from a package to a STAC catalog in the bucket, and leaves no process behind', async () => {
  const bucket = `${installation.prefix.replace('.', '-')}processingresults`
  const words = { processingresults: bucket }
  const { code, out, err } = await walkThrough({ installation, service, page: 'docs/ogc.md', words })
  expect(code, `${out}\n${err}`).toBe(0)
  expect(out).toContain('{"string":"hello","number":3.5}')
  const [, uri = ''] = /\{\\"StacCatalogUri\\":\\"(s3:[^"\\]+)\\"\}/.exec(out) ?? []
  const [, jobId = ''] = /\/wf-([\w-]+)\/catalog\.json$/.exec(uri) ?? []
  expect(uri).toBe(`s3://${bucket}/wf-${jobId}/catalog.json`)

  const stored = await readBucket(installation.s3, bucket, `wf-${jobId}/`)
  const files = new Map(stored.map(({ key, value }) => [key.slice(`wf-${jobId}/`.length), value]))
  expect([...files.keys()]).toEqual(['catalog.json', 'item/item.json', 'item/openapi.json'])
  const catalog = JSON.parse(files.get('catalog.json') ?? '') as StacCatalog
  expect(catalog).toMatchObject({ type: 'Catalog', stac_version: '1.0.0', id: `wf-${jobId}` })
  expect(catalog.links.find(({ rel }) => rel === 'item')?.href).toBe('./item/item.json')
  const item = JSON.parse(files.get('item/item.json') ?? '') as StacItem
  expect(item).toMatchObject({ type: 'Feature', geometry: { type: 'Polygon' }, properties: { datetime: '2026-11-22T10:00:00Z' } })
  expect(item.assets.scene.href).toBe('./openapi.json')
  const fetched = await fetch(`${service.client.url}/openapi.json`)
  expect(files.get('item/openapi.json')).toBe(await fetched.text())
}, 300_000)
