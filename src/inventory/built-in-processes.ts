/** Processes that every tenant has without deploying them. They are part of the program, not of the inventory topic. */
import type { OfferedProcess } from './process-index.ts'

/** The DMI service that carries them out: each dispatcher's own. Nobody can register one of this name. */
export const BUILT_IN_SERVICE = 'datajob'

const optional = { minOccurs: 0 }
// OGC 18-062r2, 7.10.1.2: a bounding box is known by this format, with its structure beside it.
const BBOX = {
  allOf: [
    { format: 'ogc-bbox' },
    {
      type: 'object',
      required: ['bbox'],
      properties: {
        bbox: { type: 'array', minItems: 4, maxItems: 6, items: { type: 'number' } },
        crs: { type: 'string', default: 'http://www.opengis.net/def/crs/OGC/1.3/CRS84' },
      },
    },
  ],
}

const echoed = {
  string: { title: 'A text', schema: { type: 'string' } },
  number: { title: 'A number', ...optional, schema: { type: 'number' } },
  boolean: { title: 'True or false', ...optional, schema: { type: 'boolean' } },
  object: { title: 'Any JSON object', ...optional, schema: { type: 'object' } },
  array: { title: 'Whole numbers', ...optional, schema: { type: 'array', items: { type: 'integer' } } },
  bbox: { title: 'A bounding box', ...optional, schema: BBOX },
}
const pause = { title: 'Seconds to wait before it answers', ...optional, schema: { type: 'number', minimum: 0, maximum: 3_600 } }

const outputs = Object.entries(echoed).map(([name, { title, schema }]) => [name, { title, schema }] as const)

const echo: OfferedProcess = {
  id: 'echo',
  version: '1.0.0',
  description: JSON.stringify({
    title: 'Echo',
    description: 'Gives back what it is given, each input as the output of the same name.',
    keywords: ['echo', 'test'],
    inputs: { ...echoed, pause },
    outputs: Object.fromEntries(outputs),
  }),
  modes: ['sync', 'async'],
  executionUnit: null,
  service: BUILT_IN_SERVICE,
  mutable: false,
}

export const BUILT_IN_PROCESSES: readonly OfferedProcess[] = [echo]
