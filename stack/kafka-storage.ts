import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StackError } from './errors.ts'
import type { BrokerName } from './state.ts'

export function dataFolderOf(folder: string, name: BrokerName): string {
  return join(folder, name, 'data')
}

export function isFormatted(dataFolder: string): boolean {
  return existsSync(metaFile(dataFolder))
}

/**
 * Makes the storage of the first broker of a new cluster, with Kafka's own tool. Throws a StackError `server-failed`.
 * @param jvmArgs what Kafka's programs are started with
 */
export async function formatStorage(java: string, jvmArgs: readonly string[], config: string): Promise<void> {
  const args = [
    '-Xmx128m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    ...jvmArgs,
    'kafka.tools.StorageTool',
    'format',
    '--ignore-formatted',
    '--cluster-id',
    newClusterId(),
    '--config',
    config,
  ]
  try {
    await promisify(execFile)(java, args, { timeout: 60_000 })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new StackError('server-failed', `Kafka's storage could not be formatted: ${why}`, { cause: error })
  }
}

/**
 * Makes the storage of a further broker of the cluster out of one that nothing has run on yet: the two differ in nothing but
 * their ids, and starting Kafka's tool takes seconds.
 */
export function copyStorage(from: string, to: string, nodeId: number): void {
  cpSync(from, to, { recursive: true })
  const meta = readFileSync(metaFile(from), 'utf8')
  const own = meta.replace(/^node\.id=.*$/m, `node.id=${nodeId}`).replace(/^directory\.id=.*$/m, `directory.id=${newClusterId()}`)
  writeFileSync(metaFile(to), own)
}

/** A new id as Kafka makes them: 16 random bytes in base64url. One that starts with a dash is an option to Kafka's tools. */
export function newClusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? `A${id.slice(1)}` : id
}

function metaFile(dataFolder: string): string {
  return join(dataFolder, 'meta.properties')
}
