import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SECRET_BYTES = 32

/** The secret that the folder keeps; one is made where there is none, readable by its owner only. Throws what the file system does. */
export function keptSecret(folder: string, onMade: (file: string) => void): string {
  const file = join(folder, 'callback-secret')
  mkdirSync(folder, { recursive: true })
  try {
    const secret = `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
    // Never replaced: of two processes that make one, the first wins.
    writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
    onMade(file)
    return secret
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    return readFileSync(file, 'utf8').trim()
  }
}
