import { randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Where some bytes are in a segment. */
export interface Extent {
  readonly at: number
  readonly bytes: number
}

/**
 * An append-only file that has no name: it is removed as soon as it is open, so that the system takes it back whatever
 * becomes of this process. Reads and writes are of a megabyte at most and go through the page cache: they are quick enough
 * not to be waited for. Methods throw the errors of `node:fs`.
 */
export class Segment {
  readonly #file: number
  #end = 0
  #extents = 0

  /** Opens a segment in the folder, which is made if need be. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    const path = join(folder, `operations-${randomUUID()}`)
    this.#file = openSync(path, 'wx+', 0o600)
    rmSync(path)
  }

  get bytes(): number {
    return this.#end
  }

  /** What was not written whole is written over by the next. */
  append(content: Buffer): Extent {
    for (let written = 0; written < content.length; ) {
      written += writeSync(this.#file, content, written, content.length - written, this.#end + written)
    }
    const extent = { at: this.#end, bytes: content.length }
    this.#end += content.length
    this.#extents += 1
    return extent
  }

  read({ at, bytes }: Extent): Buffer {
    const content = Buffer.allocUnsafeSlow(bytes)
    for (let read = 0; read < bytes; ) {
      const count = readSync(this.#file, content, read, bytes - read, at + read)
      if (count === 0) throw new Error(`the file ends ${bytes - read} bytes early`)
      read += count
    }
    return content
  }

  /** Returns whether that was the last extent in use. */
  release(): boolean {
    this.#extents -= 1
    return this.#extents === 0
  }

  close(): void {
    closeSync(this.#file)
  }
}
