/** Where an attempt has its files: the working directory, and beside it what is about the command rather than of it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

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

/** Makes it, empty; throws what the file system does. Files are named relative to the working directory. */
export function makeAttemptFolder(folder: AttemptFolder, stdin: string, files: Readonly<Record<string, unknown>>): void {
  rmSync(folder.root, { recursive: true, force: true })
  mkdirSync(folder.work, { recursive: true, mode: 0o700 })
  mkdirSync(folder.temporary)
  writeFileSync(folder.stdin, stdin)
  writeFileSync(folder.progress, '')
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder.work, name)
    mkdirSync(dirname(file), { recursive: true })
    // What is no text is what a program reads as JSON.
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
}
