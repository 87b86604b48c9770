import { describe, expect, it } from 'vitest'
import { readExecRequest } from './exec-request.ts'

function problemsOf(value: unknown): readonly string[] {
  const read = readExecRequest(value)
  return read.ok ? [] : read.problems
}

describe("an operation's value", () => {
  it('is a command, a CWL document, or an action with one of them for its input', () => {
    expect(readExecRequest({ command: ['echo', 'x'] })).toEqual({ ok: true, request: { type: 'command', command: ['echo', 'x'] } })
    expect(readExecRequest({ input: { command: ['echo'] } })).toEqual({ ok: true, request: { type: 'command', command: ['echo'] } })
    expect(readExecRequest({ cwl: 'class: CommandLineTool', inputs: { a: 1 } })).toMatchObject({ ok: true, request: { type: 'cwl' } })
  })

  it('names what is wrong with it', () => {
    expect(problemsOf(undefined)).toEqual(['it: must be object'])
    expect(problemsOf({ comand: ['x'] })).toEqual(['command: is missing', 'comand: there is no such field'])
    expect(problemsOf({ command: [], cores: 0 })).toEqual(['command: must not have fewer than 1 items', 'cores: must be >= 1'])
    expect(problemsOf({ command: ['a\0b'] })).toHaveLength(1)
    expect(problemsOf({ command: ['echo'], environment: { 'A=B': 'x' } })).toEqual(['environment.A=B: there is no such field'])
    expect(problemsOf({ cwl: 'x', command: ['echo'] })).toEqual(['command: there is no such field'])
  })

  const others = ['../x', '/etc/passwd', 'a/../../x', './x', 'a//b', '', 'a/']

  it.each(others)('has no file "%s": all are below the working directory', (name) => {
    expect(problemsOf({ command: ['echo'], files: { [name]: 'x' } })).toHaveLength(1)
    expect(problemsOf({ command: ['echo'], resultFile: name })).not.toEqual([])
    expect(problemsOf({ command: ['echo'], outputs: [name] })).not.toEqual([])
  })

  it('has inputs of CWL, and nothing that changes the document', () => {
    expect(problemsOf({ cwl: 'x', inputs: { text: 'x', file: { class: 'File', location: 'https://example.org/x' } } })).toEqual([])
    for (const name of ['cwl:requirements', 'cwltool:overrides', '$namespaces']) {
      expect(problemsOf({ cwl: 'x', inputs: { [name]: [] } })).toEqual([`inputs.${name}: there is no such field`])
    }
  })

  it('publishes below a name of its job, wherever it says', () => {
    expect(problemsOf({ command: ['echo'], prefix: 'wf-{jobId}/' })).toEqual([])
    for (const prefix of ['x/', '/{jobId}', '{jobId}/../y', '{jobId}{jobId}', 'a//{jobId}', '{job}']) {
      expect(problemsOf({ command: ['echo'], prefix })).toHaveLength(1)
    }
  })
})
