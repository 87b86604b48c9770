import { describe, expect, it } from 'vitest'
import type { OfferedProcess } from '../../inventory/process-index.ts'
import { operationValue } from './execution-unit.ts'
import type { Inputs, InputValue } from './process-inputs.ts'

const inputs: Inputs = new Map<string, InputValue | readonly InputValue[]>([
  ['text', { type: 'inline', value: 'x' }],
  ['scene', { type: 'reference', href: 'https://data.example/s', mediaType: 'image/tiff' }],
  ['files', [{ type: 'reference', href: 's3://b/f', mediaType: null }]],
])

const PLAIN = { text: 'x', scene: { href: 'https://data.example/s', type: 'image/tiff' }, files: [{ href: 's3://b/f' }] }

function valueOf(executionUnit: OfferedProcess['executionUnit'], wanted?: object, description = '{}'): unknown {
  const process = { id: 'p', version: '1', description, modes: [], executionUnit, service: 's', mutable: true }
  return (JSON.parse(operationValue(process, inputs, wanted)) as { readonly input: unknown }).input
}

describe('what a producer is given', () => {
  it('is the inputs and what is wanted, where it knows the process itself', () => {
    expect(valueOf(null, { text: {} })).toEqual({
      processID: 'p',
      inputs: PLAIN,
      outputs: { text: {} },
    })
  })

  it('is a command with the inputs in a file beside it', () => {
    const unit = { mediaType: 'application/vnd.datajob.exec+json', text: '{"command":["run"],"files":{"a":"b"},"memoryMB":64}' }
    expect(valueOf(unit)).toEqual({
      ...{ command: ['run'], memoryMB: 64, resultFile: 'outputs.json' },
      files: { a: 'b', 'inputs.json': PLAIN },
    })
  })

  it('is a command whose files are put where the ADES has them', () => {
    const text = '{"command":["run"],"outputs":["*.tif"]}'
    expect(valueOf({ mediaType: 'application/vnd.datajob.exec+json', text })).toMatchObject({ outputs: ['*.tif'], prefix: 'wf-{jobId}/' })
  })

  it('is a CWL document with the references as files', () => {
    expect(valueOf({ mediaType: 'application/cwl; w="main"', text: 'cwlVersion: v1.2' })).toEqual({
      ...{ cwl: 'cwlVersion: v1.2', workflowId: 'main', prefix: 'wf-{jobId}/' },
      inputs: {
        text: 'x',
        scene: { class: 'File', location: 'https://data.example/s' },
        files: [{ class: 'File', location: 's3://b/f' }],
      },
    })
  })

  it('has files and folders where the document declares them, also of a text', () => {
    const schema = { type: 'string', 'x-cwl-class': 'Directory' }
    const description = JSON.stringify({ inputs: { text: { schema }, scene: { schema } } })
    expect(valueOf({ mediaType: 'application/cwl', text: '' }, undefined, description)).toMatchObject({
      inputs: { text: { class: 'Directory', location: 'x' }, scene: { class: 'Directory', location: 'https://data.example/s' } },
    })
  })
})
