import { openPlainFile } from './plain-file.ts'

/** How far a command says that it is. */
export interface ReportedProgress {
  /** 0 to 100. */
  readonly percent: number
  readonly message: string | null
}

const LOOKED_AT_BYTES = 4_096
const MESSAGE_LENGTH_MAX = 500
const LINE = /^\s*(\d{1,3}(?:\.\d+)?)\s*%?(?:\s+(.*\S))?\s*$/

/** The last complete line of the file that says something, as in `40 tile 4 of 10`; null where there is none. */
export async function readProgress(file: string): Promise<ReportedProgress | null> {
  const handle = await openPlainFile(file)
  if (handle === null) return null
  try {
    const { size } = await handle.stat()
    const from = Math.max(0, size - LOOKED_AT_BYTES)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from)
    return progressIn(buffer.toString('utf8', 0, bytesRead))
  } finally {
    await handle.close()
  }
}

/** The same of a text; what stands behind its last line's end is still being written. */
export function progressIn(text: string): ReportedProgress | null {
  for (const line of text.split('\n').slice(0, -1).reverse()) {
    const [, number, message] = LINE.exec(line) ?? []
    const percent = number === undefined ? Number.NaN : Number(number)
    if (percent <= 100) return { percent, message: message?.slice(0, MESSAGE_LENGTH_MAX) ?? null }
  }
  return null
}
