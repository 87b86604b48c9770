/** A page of docs, run as its reader would run it: each of its commands, in order, in one shell. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { choosePorts } from '../../stack/ports.ts'
import type { Installation, Service } from './installation.ts'

const ROOT = join(import.meta.dirname, '../..')
const { PATH = '', HOME = '' } = process.env

export interface WalkThrough {
  readonly installation: Installation
  readonly service: Service
  /** Relative to the project. */
  readonly page: string
  /** What stands there instead of some of its words. */
  readonly words: Readonly<Record<string, string>>
}

/** Leaves no process behind, wherever a command has failed. */
export async function walkThrough({ installation, service, page, words }: WalkThrough): Promise<Ended> {
  let script = commandsOf(page)
  for (const [word, other] of Object.entries(words)) script = script.replaceAll(word, other)
  const [port] = await choosePorts([undefined])
  const own = { PATH: ownNpx(installation.folder), HOME, API: service.client.url, PORT: String(port) }
  return run(script, { ...installation.settings, ...own })
}

function commandsOf(page: string): string {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block).join('\n')
}

/** `npx` as it is in the folder of the project, without looking for anything elsewhere. */
function ownNpx(parent: string): string {
  const folder = join(parent, 'bin')
  mkdirSync(folder)
  const file = join(folder, 'npx')
  const [node, datajob] = [process.execPath, join(ROOT, 'bin/datajob.js')]
  writeFileSync(file, `#!/bin/sh\nname=$1; shift\n[ $name = node ] && exec '${node}' "$@"\nexec '${node}' '${datajob}' "$@"\n`)
  chmodSync(file, 0o755)
  return [folder, dirname(process.execPath), PATH].join(delimiter)
}

export interface Ended {
  readonly code: unknown
  readonly out: string
  readonly err: string
}

const RUN_MS_MAX = 240_000

/** Runs a script in a group of its own, of which nothing is left afterwards, wherever it has failed. */
async function run(script: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const endGroup = (): void => {
    if (shell.pid === undefined) return
    try {
      process.kill(-shell.pid, 'SIGKILL')
    } catch {
      // Nothing is left of it.
    }
  }
  const tooLong = setTimeout(endGroup, RUN_MS_MAX)
  const exited = new Promise((resolve) => {
    shell.once('exit', (code) => {
      if (code !== 0) endGroup()
      resolve(code)
    })
  })
  const [code, out, err] = await Promise.all([exited, text(shell.stdout), text(shell.stderr)])
  clearTimeout(tooLong)
  return { code, out, err }
}
