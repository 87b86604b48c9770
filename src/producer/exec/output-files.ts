import { glob, lstat, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

/** Files of one operation; beyond that it is taken for a mistake in a pattern. */
const FILES_MAX = 10_000

export type OutputFiles =
  /** Names relative to the folder, with forward slashes. */
  | { readonly ok: true; readonly names: readonly string[] }
  | { readonly ok: false; readonly problem: string }

/**
 * The files that the patterns name. Links that lead out of the folder name nothing; a pattern that names nothing is a problem, unless it
 * may.
 */
export async function outputFiles(folder: string, patterns: readonly string[], { mayBeNone = false } = {}): Promise<OutputFiles> {
  const names = new Set<string>()
  for (const pattern of patterns) {
    let found = 0
    for await (const match of glob(pattern, { cwd: folder })) {
      if (!(await isOwnFile(folder, match))) continue
      found += 1
      names.add(match.split(sep).join('/'))
      if (names.size > FILES_MAX) return { ok: false, problem: `outputs: more than ${FILES_MAX} files match` }
    }
    if (found === 0 && !mayBeNone) return { ok: false, problem: `outputs: no file matches "${pattern}"` }
  }
  return { ok: true, names: [...names].sort() }
}

/** Whether it is a file, and in the folder, whatever links lead there. */
export async function isOwnFile(folder: string, name: string): Promise<boolean> {
  const path = join(folder, name)
  try {
    if (!(await lstat(path)).isFile()) return false
    const inside = relative(await realpath(folder), await realpath(path))
    return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`)
  } catch {
    return false
  }
}
