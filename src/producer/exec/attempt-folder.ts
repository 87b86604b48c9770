/** Where an attempt has its files: the working directory, and beside it what is about the command rather than of it. */
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { CommandUser } from './exec-config.ts'

export interface AttemptFolder {
  readonly root: string
  readonly work: string
  readonly temporary: string
  readonly stdin: string
  readonly stdout: string
  readonly stderr: string
  readonly progress: string
}

export interface AttemptName {
  readonly id: string
  /** Of the operation in its job. */
  readonly index: number
  readonly attempt: number
}

export function jobFolder(dataFolder: string, id: string): string {
  return join(dataFolder, 'work', id)
}

export function attemptFolder(dataFolder: string, { id, index, attempt }: AttemptName): AttemptFolder {
  const root = join(jobFolder(dataFolder, id), `${index}.${attempt}`)
  const inside = (name: string): string => join(root, name)
  return {
    ...{ root, work: inside('work'), temporary: inside('tmp') },
    ...{ stdin: inside('stdin'), stdout: inside('stdout'), stderr: inside('stderr'), progress: inside('progress') },
  }
}

export interface AttemptContent {
  readonly stdin: string
  /** Named relative to the working directory. */
  readonly files: Readonly<Record<string, unknown>>
  /** Whose it is to be; null for our own. */
  readonly user: CommandUser | null
}

/** Makes it anew; throws what the file system does. */
export function makeAttemptFolder(folder: AttemptFolder, { stdin, files, user }: AttemptContent): void {
  rmSync(folder.root, { recursive: true, force: true })
  mkdirSync(folder.work, { recursive: true })
  mkdirSync(folder.temporary)
  for (const [file, content] of [[folder.stdin, stdin], [folder.stdout, ''], [folder.stderr, ''], [folder.progress, '']] as const) {
    writeFileSync(file, content, { mode: 0o600 })
  }
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder.work, name)
    mkdirSync(dirname(file), { recursive: true })
    // What is no text is what a program reads as JSON.
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
  chmodSync(folder.work, 0o700)
  if (user !== null) giveTo(folder, user)
}

/** All that is in it, but not itself: what is there can't be exchanged for links, which we would follow with our own rights. */
function giveTo(folder: AttemptFolder, { uid, gid }: CommandUser): void {
  const inside = readdirSync(folder.root, { recursive: true, encoding: 'utf8' })
  for (const name of inside) chownSync(join(folder.root, name), uid, gid)
}
