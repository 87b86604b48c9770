/** Faults of what a process keeps on disk, all of which is a cache. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Fault } from './fault.ts'
import { during, victim } from './victims.ts'

const NOISE_BYTES = 50_000
/** Below what the files of a service that is at work have. */
const FILE_BYTES_MAX = 64 * 1024
const READY_MS_MAX = 30_000

const deleted: Fault = {
  kind: 'cache deleted while running',
  detail: '',
  mayEnd: true,
  run: async ({ world, chaos, stop }) => {
    const slot = victim(world, chaos)
    rmSync(slot.dataFolder, { recursive: true, force: true })
    // It has its files open still: what it sees of the deletion is that new ones have no folder.
    const ms = chaos.between(500, 6_000)
    await during(ms, stop)
    await slot.kill()
    return `${slot.name}, killed ${ms} ms later`
  },
}

const corrupted: Fault = {
  kind: 'cache corrupted while stopped',
  detail: '',
  mayEnd: true,
  run: async ({ world, chaos }) => {
    const slot = victim(world, chaos)
    const whole = chaos.chance(0.5)
    const damaged: string[] = []
    await slot.replace({}, () => {
      damaged.push(...damageBelow(slot.dataFolder, whole))
    })
    await slot.ready(READY_MS_MAX).catch(() => undefined)
    return `${slot.name}, ${whole ? 'all' : 'the beginning'} of ${damaged.join(', ')}`
  },
}

/** Overwrites each file with noise, or the first part of it. */
function damageBelow(folder: string, whole: boolean): readonly string[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name)
    if (whole) writeFileSync(file, randomBytes(NOISE_BYTES))
    else writeFileSync(file, randomBytes(Math.min(NOISE_BYTES, statSync(file).size)), { flag: 'r+' })
  }
  return files.map(({ name }) => name)
}

// A full file system takes rights to make. A limit on the size of its files fails a process's writes as well (EFBIG for ENOSPC).
const full: Fault = {
  kind: 'full disk',
  detail: '',
  mayEnd: true,
  run: async ({ world, chaos, stop }) => {
    const { name, child } = victim(world, chaos)
    if (child === null) return 'nobody was there'
    await limitFiles(child.pid, `${FILE_BYTES_MAX}:unlimited`)
    const ms = chaos.between(5_000, 10_000)
    await during(ms, stop)
    const isThere = child.isRunning
    if (isThere) await limitFiles(child.pid, 'unlimited:unlimited')
    return `${name} for ${ms} ms; it ${isThere ? 'went on' : 'ended'}`
  },
}

async function limitFiles(pid: number, limits: string): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${limits}`])
}

export const cacheFaults: readonly Fault[] = [deleted, corrupted, full]
