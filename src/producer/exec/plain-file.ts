import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/**
 * Opens a file that a command wrote, for reading. Null for what is no file, or a link to one: a command must not make us
 * read what is not its own, or wait for somebody to write.
 */
export async function openPlainFile(path: string): Promise<FileHandle | null> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW
  const handle = await open(path, flags).catch(() => null)
  if (handle === null) return null
  if ((await handle.stat()).isFile()) return handle
  await handle.close()
  return null
}
