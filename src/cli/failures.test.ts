import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { StackError } from '../../stack/errors.ts'
import { RegistryFailure } from '../codec/registry.ts'
import { KafkaFailure } from '../kafka/port.ts'
import { CommandFailure, ExitCode } from './exit-codes.ts'
import { reportFailure } from './failures.ts'
import type { Pane } from './output/screen.ts'

function reported(error: unknown): { exitCode: ExitCode; text: string } {
  let text = ''
  const pane: Pane = {
    isTty: false,
    columns: () => 80,
    paint: (_, shown) => shown,
    write: (written) => {
      text += written
    },
  }
  return { exitCode: reportFailure(error, pane), text }
}

const kafka = (disposition: 'retry' | 'reject'): KafkaFailure =>
  new KafkaFailure('no broker', { code: 'X', disposition })
const registry = (disposition: 'retry' | 'fatal'): RegistryFailure =>
  new RegistryFailure('no registry', { disposition, httpStatus: null })

describe('reportFailure', () => {
  it.each([
    [new CommandFailure(ExitCode.NotFound, 'no such job'), ExitCode.NotFound],
    [new StackError('missing-requirements', 'Java is missing'), ExitCode.Usage],
    [new StackError('server-failed', 'kafka did not start'), ExitCode.Unreachable],
    [kafka('retry'), ExitCode.Unreachable],
    [kafka('reject'), ExitCode.Usage],
    [registry('retry'), ExitCode.Unreachable],
    [registry('fatal'), ExitCode.Usage],
    [new TypeError('x is not a function'), ExitCode.Defect],
    ['thrown text', ExitCode.Defect],
  ])('ends a command that threw %s with %d', (error, exitCode) => {
    expect(reported(error).exitCode).toBe(exitCode)
  })

  it('says what to do, and shows no stack for what was expected', () => {
    const { text } = reported(new CommandFailure(ExitCode.Usage, 'the port is taken', { hint: 'Choose another.' }))
    expect(text).toBe('error: the port is taken\nChoose another.\n')
  })

  it('shows the stack of a defect', () => {
    expect(reported(new TypeError('x is not a function')).text).toContain('failures.test.ts')
  })

  it('ends help that was asked for with 0, wrong use with 2, and says nothing more', () => {
    expect(reported(new CommanderError(0, 'commander.helpDisplayed', ''))).toEqual({ exitCode: ExitCode.Ok, text: '' })
    expect(reported(new CommanderError(1, 'commander.unknownOption', ''))).toEqual({
      exitCode: ExitCode.Usage,
      text: '',
    })
  })
})
