import { readdirSync, readlinkSync } from 'node:fs'

/** How many sockets a process has open, from Linux's /proc. */
export function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).filter((name) => isSocket(`${folder}/${name}`)).length
}

// One may be closed between the two calls.
function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false
  }
}
