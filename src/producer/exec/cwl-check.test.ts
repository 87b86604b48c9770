import { describe, expect, it } from 'vitest'
import type { AdmissionRules } from './allow-list.ts'
import { checkCwl } from './cwl-check.ts'
import { readExecConfig } from './exec-config.ts'

const programs = { echo: { path: '/bin/echo' }, tool: { path: '/opt/tool', arguments: ['-x'] } }

function rulesWith(cwl: object): AdmissionRules {
  const document = { dataFolder: 'data', programs, cwl: { runner: '/usr/bin/cwltool', ...cwl } }
  const read = readExecConfig(document, { cores: 2, memoryMB: 1_000 })
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return read.config
}

const rules = rulesWith({})
const tool = { class: 'CommandLineTool', id: '#main', baseCommand: 'echo' }

function reasonFor(packed: unknown, given = rules): string | null {
  const checked = checkCwl(packed, given)
  return checked.ok ? null : checked.reason
}

describe('a CWL document', () => {
  it('runs when its tools are on the list, and says what it needs', () => {
    expect(checkCwl(tool, rules)).toEqual({ ok: true, needs: { cores: null, memoryMB: null } })
    const requirements = [{ class: 'ResourceRequirement', ramMin: 99.5 }]
    const steps = [{ class: 'Workflow', id: '#main' }, { ...tool, id: '#a', requirements }]
    expect(checkCwl({ $graph: steps }, rules)).toEqual({ ok: true, needs: { cores: null, memoryMB: 100 } })
  })

  it('is refused with the reason', () => {
    expect(reasonFor({ class: 'Operation', id: '#o' })).toBe('o: a Operation is not a CommandLineTool, an ExpressionTool or a Workflow')
    expect(reasonFor({ ...tool, id: '#main/tool' })).toMatch('none of them is "main": say which with workflowId')
    expect(reasonFor({ ...tool, requirements: [{ class: 'DockerRequirement' }] })).toMatch('main: it requires Docker')
    expect(reasonFor({ ...tool, hints: [{ class: 'DockerRequirement' }] })).toBeNull()
    const large = { class: 'ResourceRequirement', ramMin: 2_000 }
    expect(reasonFor({ ...tool, hints: [large] })).toMatch('2000 MiB of memory, more than the limit, 1000')
    expect(reasonFor({ ...tool, hints: [{ class: 'ResourceRequirement', coresMin: 3 }] })).toMatch('3 cores, more than the limit, 2')
  })

  it('runs nothing that is not on the list', () => {
    expect(reasonFor({ ...tool, baseCommand: ['rm', '-r'] })).toBe('main: program "rm" is not on the list of what may run')
    expect(reasonFor({ ...tool, baseCommand: '/bin/echo' })).toBeNull()
    expect(reasonFor({ ...tool, baseCommand: '/opt/tool' })).toMatch('not on the list')
    expect(reasonFor({ ...tool, baseCommand: undefined, arguments: [{ valueFrom: '$(inputs.x)' }] })).toMatch('not told by baseCommand')
    expect(reasonFor({ ...tool, baseCommand: undefined, arguments: ['$(inputs.x)'] })).toMatch('not told by baseCommand')
    expect(reasonFor({ ...tool, requirements: [{ class: 'ShellCommandRequirement' }] })).toMatch('requires a shell')
    expect(reasonFor({ class: 'ExpressionTool', id: '#main' })).toMatch('JavaScript')
    expect(reasonFor({ class: 'Workflow', id: '#main', hints: [{ class: 'InlineJavascriptRequirement' }] })).toMatch('JavaScript')
    const variable = { class: 'EnvVarRequirement', envDef: [{ envName: 'LD_PRELOAD', envValue: 'x' }] }
    expect(reasonFor({ ...tool, hints: [variable] })).toMatch('sets the variable "LD_PRELOAD"')
  })

  it('runs what it says where the operator trusts who submits it', () => {
    expect(reasonFor({ ...tool, baseCommand: 'rm' }, rulesWith({ programs: 'any' }))).toBeNull()
    expect(reasonFor({ ...tool, requirements: [{ class: 'DockerRequirement' }] }, rulesWith({ containers: true }))).toBeNull()
  })
})
