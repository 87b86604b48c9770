import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { withLock } from './lock.ts'

function newLock(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stack-lock-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return join(folder, 'lock')
}

test('work under one lock does not overlap', async () => {
  const file = newLock()
  let inside = 0
  let most = 0
  const work = (): Promise<void> =>
    withLock({ file, waitMsMax: 60_000, onWait: () => undefined }, async () => {
      inside++
      most = Math.max(most, inside)
      await new Promise(setImmediate)
      inside--
    })
  await Promise.all([work(), work(), work()])
  expect(most).toBe(1)
})

test('a lock that is not given back in time is an error', async () => {
  const file = newLock()
  await withLock({ file, waitMsMax: 0, onWait: () => undefined }, async () => {
    let waits = 0
    const onWait = (): void => {
      waits++
    }
    await expect(withLock({ file, waitMsMax: 0, onWait }, () => Promise.resolve())).rejects.toThrow(/held by another process/)
    expect(waits).toBe(1)
  })
})

test('the lock of a killed process is free', async () => {
  const file = newLock()
  const script = `
    const { DatabaseSync } = require('node:sqlite')
    const database = new DatabaseSync(process.argv[1])
    database.exec('BEGIN EXCLUSIVE')
    console.log('held')
    setInterval(() => database, 1000)`
  const holder = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  expect(await withLock({ file, waitMsMax: 0, onWait: () => undefined }, () => Promise.resolve('free'))).toBe('free')
})
