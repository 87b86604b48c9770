/** Where the service of this machine listens, for the other commands. Kept in the folder of the local stack. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface ServiceRecord {
  readonly url: string
  readonly pid: number
}

/** Does nothing where there is no stack: then nobody would look for the record there. */
export function rememberService(folder: string, record: ServiceRecord): void {
  if (!existsSync(folder)) return
  const file = recordFile(folder)
  const partial = `${file}.${record.pid}`
  writeFileSync(partial, JSON.stringify(record))
  renameSync(partial, file)
}

/** Takes the record away, unless another service has put its own in its place. */
export function forgetService(folder: string, pid: number): void {
  if (read(folder)?.pid === pid) rmSync(recordFile(folder), { force: true })
}

/** The address of the service that was started last and still runs. */
export function rememberedService(folder: string): string | undefined {
  const record = read(folder)
  return record !== undefined && isAlive(record.pid) ? record.url : undefined
}

function read(folder: string): ServiceRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(recordFile(folder), 'utf8'))
    if (typeof record !== 'object' || record === null || !('url' in record) || !('pid' in record)) return undefined
    const { url, pid } = record
    return typeof url === 'string' && typeof pid === 'number' ? { url, pid } : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function recordFile(folder: string): string {
  return join(folder, 'service.json')
}
