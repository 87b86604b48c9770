import type { FileHandle } from 'node:fs/promises'
import type { CapturedText } from './exec-result.ts'
import { openPlainFile } from './plain-file.ts'

/**
 * What of a stream goes into the result: all of it up to `bytesMax` bytes, else its first and last half of that. The whole
 * of it stays in the file. Bytes that are no UTF-8 are shown as the replacement character.
 */
export async function captureText(file: string, bytesMax: number): Promise<Omit<CapturedText, 'uri'>> {
  const handle = await openPlainFile(file)
  if (handle === null) return { text: '', bytes: 0, truncated: false }
  try {
    const { size } = await handle.stat()
    if (size <= bytesMax) return { text: (await read(handle, 0, size)).toString('utf8'), bytes: size, truncated: false }
    const half = Math.floor(bytesMax / 2)
    const head = withoutCutEnd(await read(handle, 0, bytesMax - half))
    const tail = withoutCutBeginning(await read(handle, size - half, half))
    const left = size - head.length - tail.length
    return { text: `${head.toString('utf8')}\n… ${left} bytes are left out …\n${tail.toString('utf8')}`, bytes: size, truncated: true }
  } finally {
    await handle.close()
  }
}

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  const { bytesRead } = await handle.read(bytes, 0, length, position)
  return bytes.subarray(0, bytesRead)
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}

function withoutCutBeginning(bytes: Buffer): Buffer {
  let from = 0
  while (from < Math.min(3, bytes.length) && isContinuation(bytes[from])) from += 1
  return bytes.subarray(from)
}

// A character's first byte says how many follow it (RFC 3629).
function withoutCutEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (isContinuation(byte)) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}
