/** CWL behind the exec producer, run by cwltool. Where that can't be installed, the suite says so and is skipped. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { type Cwltool, installedCwltool } from '../harness/cwltool.ts'
import { daemon, type ExecProducerProcess, longTime, processesWith, shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

const INSTALL_MS_MAX = 600_000
const MAKE = 'mkdir item && echo "$0" > item/a.tif && echo {} > catalog.json'
const programs = { echo: { path: '/bin/echo' }, make: { path: '/bin/sh', arguments: ['-c', MAKE] } }

/** YAML, as people write it: a tool that writes a folder, in a workflow. */
const STAC = `
cwlVersion: v1.2
$graph:
- class: CommandLineTool
  id: tool
  baseCommand: make
  requirements: {ResourceRequirement: {ramMin: 64, coresMin: 1}}
  inputs: {text: {type: string, inputBinding: {position: 1}}}
  outputs: {results: {type: Directory, outputBinding: {glob: .}}}
- class: Workflow
  id: flow
  inputs: {text: string}
  outputs: {wf_outputs: {type: Directory, outputSource: step/results}}
  steps: {step: {run: '#tool', in: {text: text}, out: [results]}}
`

let installation: Installation
let producer: ExecProducerProcess
let bucket: string
let cwltool: Cwltool

beforeAll(async () => {
  cwltool = await installedCwltool()
  if (!cwltool.ok) return
  installation = await Installation.open('cwl', givenStack())
  bucket = await installation.bucket('outputs')
  const cwl = { runner: cwltool.path }
  producer = await installation.execProducer('cwl', { ...shortGrace, programs, bucket, cwl })
}, INSTALL_MS_MAX)

afterAll(async () => {
  if (cwltool.ok) await installation.close()
})

beforeEach((context) => {
  if (!cwltool.ok) context.skip(cwltool.reason)
})

function tool(more: object): object {
  return { cwlVersion: 'v1.2', class: 'CommandLineTool', id: 'main', baseCommand: 'echo', inputs: {}, outputs: {}, ...more }
}

async function checked(value: object): Promise<unknown> {
  return (await producer.request('POST', '/v1/check', value)).body
}

async function reasonFor(value: object): Promise<string> {
  const answer = await checked(value)
  expect(answer).toMatchObject({ ok: false })
  return (answer as { readonly reason: string }).reason
}

describe('a CWL document', () => {
  it('runs, and its outputs are in the bucket, where the result says', async () => {
    const value = { cwl: STAC, workflowId: 'flow', inputs: { text: 'hello' }, prefix: 'wf-{jobId}/' }
    expect(await checked(value)).toMatchObject({ ok: true, needs: { cores: 1, memoryMB: 64 } })
    const { statusCode, result } = await producer.response(await producer.accepted('stac', value))
    expect(`${statusCode}: ${result.stderr.text}`).toMatch(/^0: /)
    const { wf_outputs: made } = result.outputs as { readonly wf_outputs: { readonly location: string } }
    expect(result.files.map(({ uri }) => uri.slice(made.location.length))).toEqual(['/catalog.json', '/item/a.tif'])
    expect(made.location).toBe(`s3://${bucket}/wf-job%201`)
    const stored = await readBucket(installation.s3, bucket, 'wf-job%201/')
    expect(stored.map(({ key, value: content }) => [`s3://${bucket}/${key}`, content])).toEqual([
      [`${made.location}/catalog.json`, '{}\n'],
      [`${made.location}/item/a.tif`, 'hello\n'],
    ])
  })

  it('whose inputs are wrong fails with what the runner says', async () => {
    const { statusCode, result } = await producer.response(await producer.accepted('inputs', { cwl: STAC, workflowId: 'flow' }))
    expect({ statusCode, exitCode: result.exitCode }).toEqual({ statusCode: 104, exitCode: 1 })
    expect(result.stderr.text).toMatch(/Missing required input parameter/)
  })

  it('that can’t run here is told so with the reason, before and when it is submitted', async () => {
    const docker = tool({ requirements: { DockerRequirement: { dockerPull: 'alpine' } } })
    expect(await reasonFor({ cwl: docker })).toBe('main: it requires Docker, and cwl.containers is not configured')
    const unlisted = tool({ baseCommand: 'rm' })
    expect(await reasonFor({ cwl: unlisted })).toBe('main: program "rm" is not on the list of what may run')
    expect(await reasonFor({ cwl: STAC })).toMatch('say which with workflowId')
    expect(await reasonFor({ cwl: STAC, workflowId: 'other' })).toMatch(/^cwltool does not take it: [^]*#other/)
    expect(await reasonFor({ cwl: 'class: Nonsense\ncwlVersion: v1.2\n' })).toMatch(/^cwltool does not take it/)
    const steps = { a: { run: 'http://127.0.0.1:1/x.cwl', in: {}, out: [] } }
    expect(await reasonFor({ cwl: { cwlVersion: 'v1.2', class: 'Workflow', inputs: {}, outputs: {}, steps } })).toMatch('x.cwl')
    const response = await producer.response(await producer.accepted('unlisted', { cwl: unlisted }))
    expect(response).toMatchObject({ statusCode: 104, statusMessage: expect.stringMatching('^refused: main: program "rm"') as string })
  })

  it('that is cancelled ends with all that its runner has started', async () => {
    const time = longTime()
    const hide = { path: '/bin/sh', arguments: ['-c', `${daemon(time)} sleep ${time}`] }
    const cwl = { runner: cwltool.ok ? cwltool.path : '' }
    const sleeping = await installation.execProducer('sleeping', { ...shortGrace, programs: { hide }, cwl })
    const id = await sleeping.accepted('long', { cwl: tool({ baseCommand: 'hide' }) })
    await until('both run', () => processesWith(time).length === 2)
    await sleeping.cancel(id)
    expect(await sleeping.over(id)).toBe('CANCELLED')
    expect(processesWith(time)).toEqual([])
  })
})
