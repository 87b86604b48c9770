import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { killServer, pauseServer, resumeServer, stopServer } from './one-server.ts'
import { endProcesses, launch, stackMark } from './processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'stack-one-'))

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface StandIn {
  readonly pid: number
  readonly exited: Promise<string>
  /** As ps says it: T is stopped. */
  readonly state: () => string
}

/** A process that passes for a server of the stack and takes SIGTERM for a reason to end well. */
async function standIn(name: 'kafka-2' | 's3'): Promise<StandIn> {
  const program = "process.on('SIGTERM', () => process.exit(7)); console.log('up'); setInterval(() => undefined, 1000)"
  const logFile = join(folder, `${name}.out`)
  const args = ['-e', program, '--', stackMark(folder, name)]
  const { pid, exited } = launch({ name, command: process.execPath, args, cwd: folder, logFile })
  onTestFinished(() => endProcesses([pid], 0))
  await expect.poll(() => readFileSync(logFile, 'utf8')).toBe('up\n')
  return { pid, exited, state: () => execFileSync('ps', ['-o', 'state=', '-p', String(pid)]).toString().trim() }
}

test('a server that is killed gets no chance to end well, one that is stopped does', async () => {
  const killed = await standIn('s3')
  await killServer({ folder, name: 's3' })
  expect(await killed.exited).toBe('it was ended by SIGKILL')
  const stopped = await standIn('kafka-2')
  await stopServer({ folder, name: 'kafka-2' })
  expect(await stopped.exited).toBe('it exited with code 7')
})

test('a server that is paused stands still until it is resumed, and its neighbour does not', async () => {
  const [paused, other] = [await standIn('s3'), await standIn('kafka-2')]
  await pauseServer({ folder, name: 's3' })
  await expect.poll(paused.state).toBe('T')
  expect(other.state()).not.toBe('T')
  await resumeServer({ folder, name: 's3' })
  await expect.poll(paused.state).not.toBe('T')
})

test('a server that does not run is named', async () => {
  await expect(killServer({ folder, name: 'kafka-3' })).rejects.toThrow('kafka-3 does not run')
})
