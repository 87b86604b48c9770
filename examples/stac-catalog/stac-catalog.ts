// A process that the exec producer runs: fetches a file, and writes a STAC catalog with an item that has it as an asset.
//
// Its inputs are in inputs.json beside it, `scene` as a URL or as {"href", "type"}. What it leaves behind is put into the bucket, at
// $DATAJOB_OUTPUT_URI. Links within the catalog are relative, so it may be copied as a whole.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'

interface Inputs {
  readonly scene: string | { readonly href: string; readonly type?: string }
  readonly title?: string
  readonly bbox?: readonly [west: number, south: number, east: number, north: number]
  readonly datetime?: string
}

const BYTES_MAX = 64 * 1024 * 1024
const { DATAJOB_JOB_ID = 'job', DATAJOB_OUTPUT_URI = './', DATAJOB_PROGRESS } = process.env

const inputs = JSON.parse(readFileSync('inputs.json', 'utf8')) as Inputs
const scene = typeof inputs.scene === 'string' ? { href: inputs.scene } : inputs.scene
const { title = 'A catalog of one scene', bbox, datetime = new Date().toISOString() } = inputs

const { bytes, mediaType } = await fetched(scene)
say(50, 'the scene is here')

const name = basename(new URL(scene.href).pathname) || 'scene'
const id = `wf-${DATAJOB_JOB_ID}`
mkdirSync('item', { recursive: true })
writeFileSync(`item/${name}`, bytes)
writeJson('item/item.json', item())
writeJson('catalog.json', catalog())
writeJson('outputs.json', { wf_outputs: { StacCatalogUri: `${DATAJOB_OUTPUT_URI}catalog.json` } })
say(100, 'the catalog is written')

async function fetched({ href, type }: { readonly href: string; readonly type?: string }): Promise<{ bytes: Buffer; mediaType: string }> {
  const response = await fetch(href)
  if (!response.ok) throw new Error(`${href} answered ${response.status}`)
  const content = Buffer.from(await response.arrayBuffer())
  if (content.length > BYTES_MAX) throw new Error(`${href} has ${content.length} bytes, more than ${BYTES_MAX}`)
  return { bytes: content, mediaType: type ?? response.headers.get('content-type') ?? 'application/octet-stream' }
}

// STAC 1.0.0, item-spec.md. Without a box the item has no geometry, and then must have no box either.
function item(): object {
  return {
    type: 'Feature',
    stac_version: '1.0.0',
    id: `${id}-scene`,
    geometry: bbox === undefined ? null : polygonOf(bbox),
    ...(bbox === undefined ? {} : { bbox }),
    properties: { datetime, title },
    links: [
      { rel: 'root', href: '../catalog.json', type: 'application/json' },
      { rel: 'parent', href: '../catalog.json', type: 'application/json' },
      { rel: 'derived_from', href: scene.href },
    ],
    assets: {
      scene: { href: `./${name}`, type: mediaType, roles: ['data'] },
    },
  }
}

function catalog(): object {
  return {
    type: 'Catalog',
    stac_version: '1.0.0',
    id,
    title,
    description: `What the execution ${DATAJOB_JOB_ID} has made of ${scene.href}`,
    links: [
      { rel: 'root', href: './catalog.json', type: 'application/json' },
      { rel: 'item', href: './item/item.json', type: 'application/geo+json' },
    ],
  }
}

function polygonOf([west, south, east, north]: NonNullable<Inputs['bbox']>): object {
  return { type: 'Polygon', coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] }
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value, null, 2))
}

/** How far it is, as the status of the job tells. */
function say(percent: number, words: string): void {
  if (DATAJOB_PROGRESS !== undefined) appendFileSync(DATAJOB_PROGRESS, `${percent} ${words}\n`)
}
