import { describe, expect, it } from 'vitest'
import { Refusal } from '../../errors.ts'
import { describeCwl } from './cwl-description.ts'
import { OgcRefusal } from './exceptions.ts'

const TOOL = `
cwlVersion: v1.2
class: CommandLineTool
id: ndvi
label: NDVI
doc: [one line, and another]
s:softwareVersion: 2.1
baseCommand: ndvi
inputs:
  scene: {type: File, format: image/tiff, label: A scene}
  bands: {type: 'string[]', doc: Which}
  cloud: {type: float, default: 0.2}
  size: int?
  mode: {type: {type: enum, symbols: [fast, '#main/good']}}
  rings: {type: {type: array, items: {type: array, items: double}}}
  either: [string, int]
  maybe: ['null', long]
  more: {type: array, items: File}
outputs:
  - {id: '#ndvi/result', type: File, format: image/tiff}
  - {id: log, type: 'string[]'}
`

const GRAPH = `
cwlVersion: v1.2
$graph:
- {class: CommandLineTool, id: tool, baseCommand: x, inputs: {text: string}, outputs: {}}
- {class: Workflow, id: flow, inputs: {}, outputs: {}, steps: {}}
`

function refusalOf(text: string, workflowId?: string): Refusal {
  try {
    describeCwl(text, workflowId)
  } catch (error) {
    if (error instanceof Refusal) return error
  }
  throw new Error('it was not refused')
}

describe('a CWL document', () => {
  it('says what its process takes and yields', () => {
    const { id, version, workflowId, description } = describeCwl(TOOL, undefined)
    expect([id, version, workflowId]).toEqual(['ndvi', '2.1', null])
    expect(description).toEqual({
      title: 'NDVI',
      description: 'one line\nand another',
      inputs: {
        scene: { title: 'A scene', schema: { type: 'string', format: 'uri', contentMediaType: 'image/tiff', 'x-cwl-class': 'File' } },
        bands: { description: 'Which', maxOccurs: 'unbounded', schema: { type: 'string' } },
        cloud: { minOccurs: 0, schema: { type: 'number', default: 0.2 } },
        size: { minOccurs: 0, schema: { type: 'integer' } },
        mode: { schema: { type: 'string', enum: ['fast', 'good'] } },
        rings: { maxOccurs: 'unbounded', schema: { type: 'array', items: { type: 'number' } } },
        either: { schema: {} },
        maybe: { minOccurs: 0, schema: { type: 'integer' } },
        more: { maxOccurs: 'unbounded', schema: { type: 'string', format: 'uri', 'x-cwl-class': 'File' } },
      },
      outputs: {
        result: { schema: { type: 'string', format: 'uri', contentMediaType: 'image/tiff', 'x-cwl-class': 'File' } },
        log: { schema: { type: 'array', items: { type: 'string' } } },
      },
    })
  })

  it('may be JSON, and may have several processes, of which one is meant', () => {
    const json = JSON.stringify({ cwlVersion: 'v1.2', class: 'CommandLineTool', id: 'a', inputs: [], outputs: [] })
    expect(describeCwl(json, 'a').id).toBe('a')
    expect(describeCwl(GRAPH, undefined)).toMatchObject({ id: 'flow', workflowId: 'flow' })
    const description = { inputs: { text: { schema: { type: 'string' } } } }
    expect(describeCwl(GRAPH, 'tool')).toMatchObject({ workflowId: 'tool', description })
  })

  it.each([
    ['a: [', undefined, 'The document is neither YAML nor JSON'],
    ['class: Workflow', undefined, 'The document has no cwlVersion'],
    ['just a text', undefined, 'The document has no cwlVersion'],
  ])('that is none is refused: %j', (text, workflowId, message) => {
    expect(refusalOf(text, workflowId)).toMatchObject({ status: 400, message })
  })

  it('without the process that is meant is refused with the standard’s word, and with those that it has', () => {
    const missing = refusalOf(GRAPH, 'other')
    expect(missing).toBeInstanceOf(OgcRefusal)
    expect(missing).toMatchObject({
      ...{ status: 400, type: 'http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/workflow-not-found' },
      details: 'Say which with ?w=: it has tool, flow.',
    })
    const two = GRAPH.replace('CommandLineTool', 'Workflow')
    expect(refusalOf(two)).toMatchObject({ message: 'Which process of the document is meant is not said' })
    expect(refusalOf(TOOL, 'other')).toMatchObject({ message: 'The document has no process "other"' })
  })

  it('that would be larger than memory is refused', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...'bcdefgh'.split('').map((name) => {
      const before = String.fromCharCode(name.charCodeAt(0) - 1)
      return `${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(',')}]`
    })].join('\n')
    expect(refusalOf(bomb)).toMatchObject({ status: 400, message: 'The document is neither YAML nor JSON' })
  })
})
