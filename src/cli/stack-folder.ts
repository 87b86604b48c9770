import { join, resolve } from 'node:path'
import { stackHome } from '../../stack/home.ts'

/** Where the local stack of this project keeps its state: what DATAJOB_STACK_FOLDER says, else `.stack/run`. */
export function stackFolder(env: Readonly<Record<string, string | undefined>>): string {
  const given = env['DATAJOB_STACK_FOLDER'] ?? ''
  return given === '' ? join(stackHome, 'run') : resolve(given)
}
