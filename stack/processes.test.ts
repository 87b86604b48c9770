import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { endProcesses, findProcesses, launch, parseMark, stackMark, untilReady, type Launched } from './processes.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stack-processes-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

function launchScript(folder: string, script: string): Launched {
  const launched = launch({
    name: 'kafka',
    command: process.execPath,
    args: ['-e', script, '--', stackMark(folder, 'kafka')],
    cwd: folder,
    logFile: join(folder, 'kafka.log'),
  })
  onTestFinished(() => endProcesses([launched.pid], 0))
  return launched
}

test('a mark names its server to its own folder only', () => {
  const command = `java -Xmx1m ${stackMark('/a/b', 'kafka-2')} Main`
  expect(parseMark(command, '/a/b')).toBe('kafka-2')
  expect(parseMark(command, '/a')).toBeUndefined()
  expect(parseMark(command, '/a/b/c')).toBeUndefined()
})

test('a launched process is found until it is ended', async () => {
  const folder = newFolder()
  const { pid } = launchScript(folder, 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)')
  await expect.poll(() => findProcesses(folder)).toEqual([{ pid, name: 'kafka' }])
  await endProcesses([pid], 50)
  expect(await findProcesses(folder)).toEqual([])
})

test('a process that ends before it answers is reported with its exit code and the end of its log', async () => {
  const folder = newFolder()
  const launched = launchScript(folder, 'console.error("address in use"); process.exit(3)')
  const readiness = { name: 'kafka', launched, logFile: join(folder, 'kafka.log'), waitMsMax: 60_000 }
  const ready = untilReady({ ...readiness, answers: () => Promise.resolve(false) })
  await expect(ready).rejects.toThrow(/exited with code 3[^]*address in use/)
})

test('a command that is not there is reported', () => {
  const folder = newFolder()
  const options = { name: 'kafka', command: join(folder, 'none'), args: [], cwd: folder, logFile: join(folder, 'log') }
  expect(() => launch(options)).toThrow(/can't run .*none/)
})
