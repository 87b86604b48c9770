/** A CWL runner for tests: this version of it, installed once into a folder that git ignores. */
import { execFile } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stackHome } from '../../stack/home.ts'

const VERSION = '3.3.20260925135507'
const INSTALL_MS_MAX = 300_000

export type Cwltool =
  | { readonly ok: true; readonly path: string }
  /** There is no Python, or its packages can't be had. */
  | { readonly ok: false; readonly reason: string }

/** Installs it unless it is there already. */
export async function installedCwltool(): Promise<Cwltool> {
  const folder = join(stackHome, `cwltool-${VERSION}`)
  const path = join(folder, 'bin/cwltool')
  if (await runs(path)) return { ok: true, path }
  try {
    rmSync(folder, { recursive: true, force: true })
    await promisify(execFile)('python3', ['-m', 'venv', folder], { timeout: INSTALL_MS_MAX })
    const words = ['install', '--quiet', '--disable-pip-version-check', `cwltool==${VERSION}`]
    await promisify(execFile)(join(folder, 'bin/pip'), words, { timeout: INSTALL_MS_MAX })
  } catch (error) {
    return { ok: false, reason: `cwltool can't be installed: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}` }
  }
  return (await runs(path)) ? { ok: true, path } : { ok: false, reason: 'cwltool was installed, but does not run' }
}

/** An installation that was broken off has the file, too. */
async function runs(path: string): Promise<boolean> {
  if (!existsSync(path)) return false
  return promisify(execFile)(path, ['--version']).then(() => true, () => false)
}
