import { describe, expect, it } from 'vitest'
import { type ExecConfig, readExecConfig } from './exec-config.ts'

const machine = { cores: 4, memoryMB: 8_192 }
const least = { dataFolder: 'data', programs: { echo: { path: '/bin/echo' } } }

function problemsOf(document: unknown): readonly string[] {
  const read = readExecConfig(document, machine)
  return read.ok ? [] : read.problems
}

function configOf(document: unknown): ExecConfig {
  const read = readExecConfig(document, machine)
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return read.config
}

describe('the configuration of an exec producer', () => {
  it('needs a folder and something that may run, and takes the machine as it is', () => {
    const { host, capacity, limits } = configOf(least)
    expect({ host, capacity }).toEqual({ host: '127.0.0.1', capacity: machine })
    expect(limits).toMatchObject({ cores: { default: 1, max: 4 }, memoryMB: { default: 512, max: 8_192 } })
    expect(limits.timeoutSeconds).toEqual({ default: 3_600, max: 86_400 })
  })

  it('names everything that is wrong at once: unknown fields, missing ones, and limits', () => {
    const wrong = { programs: { echo: { path: 'echo', shel: true } }, jobsMax: 0, colour: 1, limits: { cores: { defualt: 1 } } }
    expect(problemsOf(wrong)).toEqual([
      'dataFolder: is missing',
      'colour: there is no such field',
      'programs.echo.shel: there is no such field',
      'programs.echo.path: must match pattern "^/[^\\0]+$"',
      'limits.cores.defualt: there is no such field',
      'jobsMax: must be >= 1',
    ])
    expect(problemsOf(null)).toEqual(['it: must be object'])
  })

  it('gives away no more than the machine has, and to one operation no more than there is', () => {
    expect(problemsOf({ ...least, capacity: { cores: 8 } })).toEqual(['capacity.cores: is 8, but this machine has 4'])
    const limits = { memoryMB: { default: 900, max: 9_000 }, cores: { default: 3, max: 2 } }
    expect(problemsOf({ ...least, limits })).toEqual([
      'limits.memoryMB.max: is 9000, but capacity.memoryMB is 8192',
      'limits.cores.default: is 3, but limits.cores.max is 2',
    ])
  })

  it('listens where others reach it only when they have to say who they are', () => {
    expect(problemsOf({ ...least, host: '0.0.0.0' })).toEqual([
      'host: is "0.0.0.0", which others can reach: configure auth, or listen on 127.0.0.1',
    ])
    expect(problemsOf({ ...least, host: '0.0.0.0', auth: { username: 'us', passwordFile: 'secret' } })).toEqual([])
    expect(problemsOf({ ...least, host: '127.1.2.3' })).toEqual([])
  })

  it('is refused when nothing could run, or a shell has arguments of its own', () => {
    expect(problemsOf({ dataFolder: 'data' })).toEqual(['programs: is empty, so nothing could run'])
    expect(problemsOf({ dataFolder: 'data', cwl: { runner: '/usr/bin/cwltool', programs: 'any' } })).toEqual([])
    const sh = { path: '/bin/sh', shell: true, arguments: ['-e'] }
    expect(problemsOf({ ...least, programs: { sh } })).toEqual(['programs.sh: a shell takes one text behind -c, so it has no arguments'])
  })
})
