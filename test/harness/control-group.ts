import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

/** A control group (version 2) for a producer to make groups in, or null where this machine lets nobody have one. */
export function controlGroup(): string | null {
  const mount = readFileSync('/proc/mounts', 'utf8').split('\n').find((line) => line.split(' ')[2] === 'cgroup2')?.split(' ')[1]
  if (mount === undefined) return null
  const folder = join(mount, `datajob-test-${randomUUID()}`)
  try {
    mkdirSync(folder)
    if (existsSync(join(folder, 'cgroup.kill'))) return folder
    rmdirSync(folder)
    return null
  } catch {
    return null
  }
}
