import { describe, expect, it } from 'vitest'
import { type Admission, admit, findProgram } from './allow-list.ts'
import { readExecConfig } from './exec-config.ts'
import type { CommandRequest } from './exec-request.ts'

const programs = {
  echo: { path: '/bin/echo' },
  tool: { path: '/opt/tool', arguments: ['--safe'], max: { memoryMB: 100, timeoutSeconds: 60 } },
  sh: { path: '/bin/sh', shell: true },
}
const read = readExecConfig({ dataFolder: 'data', programs }, { cores: 2, memoryMB: 1_000 })
if (!read.ok) throw new Error(read.problems.join('\n'))
const rules = read.config

function command(words: readonly string[], more: Partial<CommandRequest> = {}): CommandRequest {
  return { type: 'command', command: [...words], ...more }
}

function reasonOf(admission: Admission): string | null {
  return admission.ok ? null : admission.reason
}

describe('what may run', () => {
  it('is what is on the list, by its name or its path, with the arguments that it has there', () => {
    const call = { name: 'tool', program: programs.tool, arguments: ['--safe', 'x'] }
    expect(findProgram(command(['tool', 'x']), programs)).toEqual({ ok: true, call })
    expect(findProgram(command(['/opt/tool', 'x']), programs)).toEqual({ ok: true, call })
  })

  it.each(['rm', '/bin/rm', '/bin/../bin/echo', './echo', '', 'constructor'])('is not "%s"', (word) => {
    const reason = `program "${word}" is not on the list of what may run (echo, tool, sh)`
    expect(admit(command([word]), rules)).toEqual({ ok: false, reason })
  })

  it('is one text for a shell, and a shell for nothing else', () => {
    for (const words of [['sh', 'echo $HOME; exit 1'], ['/bin/sh', '-c', 'echo $HOME; exit 1']]) {
      expect(findProgram(command(words), programs)).toMatchObject({ ok: true, call: { arguments: ['-c', 'echo $HOME; exit 1'] } })
    }
    for (const words of [['sh'], ['sh', '-c'], ['sh', '-e', 'x'], ['sh', '-c', 'x', 'y'], ['sh', 'x', 'y']]) {
      expect(reasonOf(admit(command(words), rules))).toMatch('exactly one text')
    }
  })

  it('says what it needs, below the limits of all and those of its program', () => {
    const demand = { cores: 1, memoryMB: 512, timeoutSeconds: 3_600, outputBytes: 65_536 }
    expect(admit(command(['echo']), rules)).toEqual({ ok: true, demand })
    expect(admit(command(['tool']), rules)).toMatchObject({ ok: true, demand: { memoryMB: 100, timeoutSeconds: 60 } })
    const all = { cores: 2, memoryMB: 1_000 }
    expect(admit(command(['echo'], all), rules)).toMatchObject({ ok: true, demand: all })
    expect(reasonOf(admit(command(['echo'], { cores: 3 }), rules))).toBe('cores: asks for 3, more than the 2 there are')
    expect(reasonOf(admit(command(['tool'], { memoryMB: 101 }), rules))).toBe('memoryMB: asks for 101, more than the limit, 100')
  })

  it.each(['LD_PRELOAD', 'PATH', 'DATAJOB_JOB_ID', 'NODE_OPTIONS', 'BASH_ENV'])('sets no %s', (name) => {
    expect(reasonOf(admit(command(['echo'], { environment: { [name]: 'x' } }), rules))).toMatch(name)
    expect(admit(command(['echo'], { environment: { GRANULE: 'x' } }), rules).ok).toBe(true)
  })

  it('publishes nothing without a bucket, and runs no CWL without a runner', () => {
    expect(reasonOf(admit(command(['echo'], { outputs: ['*'] }), rules))).toMatch('no bucket is configured')
    expect(admit(command(['echo'], { outputs: ['*'] }), { ...rules, bucket: 'results' }).ok).toBe(true)
    expect(admit(command(['echo'], { outputs: ['*'], optionalOutputs: true }), rules).ok).toBe(true)
    expect(reasonOf(admit({ type: 'cwl', cwl: 'x' }, rules))).toMatch('cwl.runner is not configured')
  })
})
