/** Keeps the parts of large jobs in files until all of a job has come and nothing is wrong with it. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { RETRY_AFTER_S, type Refusal, unavailable } from '../errors.ts'

export interface PartSpoolOptions {
  /** Ours alone: what is in it at the start is removed. */
  readonly folder: string
  /** Large jobs that are taken in at a time. */
  readonly spoolsMax: number
  /** Bytes that all of them together have on disk. */
  readonly bytesMax: number
  readonly prepare?: (folder: string) => Promise<void>
  readonly openFile?: (folder: string) => Promise<SpoolFile>
}

/** A file that nobody else can open, and that is gone with the process. */
export interface SpoolFile {
  write(bytes: Buffer, position: number): Promise<void>
  read(bytes: Buffer, position: number): Promise<void>
  close(): Promise<void>
}

export class PartSpools {
  readonly #options: PartSpoolOptions
  #prepared: Promise<unknown> | null = null
  #open = 0
  #bytes = 0

  constructor(options: PartSpoolOptions) {
    this.#options = options
  }

  /** Throws a 503 when there are too many, or no file can be made. */
  async open(): Promise<PartSpool> {
    const { spoolsMax, folder, prepare = emptied, openFile = openUnlinked } = this.#options
    if (this.#open >= spoolsMax) throw refused(`${spoolsMax} large jobs are being taken already`)
    this.#open += 1
    try {
      this.#prepared ??= prepare(folder)
      await this.#prepared
      return new PartSpool(this, await openFile(folder))
    } catch (cause) {
      this.#prepared = null
      this.#open -= 1
      throw noRoom(cause)
    }
  }

  hold(bytes: number): void {
    const { bytesMax } = this.#options
    if (this.#bytes + bytes > bytesMax) {
      throw refused(`The large jobs that are being taken fill the ${bytesMax} bytes that they may have on disk`)
    }
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
    this.#open -= 1
  }
}

/** The encoded parts of one job, in order. */
export class PartSpool {
  readonly #spools: PartSpools
  readonly #file: SpoolFile
  readonly #lengths: number[] = []
  #bytes = 0
  #closed: Promise<void> | null = null

  constructor(spools: PartSpools, file: SpoolFile) {
    this.#spools = spools
    this.#file = file
  }

  get parts(): number {
    return this.#lengths.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes a part, in pieces. Throws a 503 when there is no room. */
  async append(pieces: readonly Buffer[]): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    this.#spools.hold(length)
    let position = this.#bytes
    this.#bytes += length
    try {
      for (const piece of pieces) {
        await this.#file.write(piece, position)
        position += piece.length
      }
    } catch (cause) {
      throw noRoom(cause)
    }
    this.#lengths.push(length)
  }

  /** Each is there until the next one is asked for: they share their memory. Throws a 503 when the disk fails. */
  async *values(): AsyncGenerator<Buffer> {
    const shared = Buffer.allocUnsafeSlow(Math.max(0, ...this.#lengths))
    let position = 0
    for (const length of this.#lengths) {
      const value = shared.subarray(0, length)
      try {
        await this.#file.read(value, position)
      } catch (cause) {
        throw noRoom(cause)
      }
      position += length
      yield value
    }
  }

  /** Gives the file and its room back; more than once does no harm. */
  close(): Promise<void> {
    this.#closed ??= this.#file.close().finally(() => {
      this.#spools.release(this.#bytes)
    })
    return this.#closed
  }
}

function refused(message: string): Refusal {
  return unavailable(message, { retryAfterS: RETRY_AFTER_S, details: 'This one was not taken. Send it again.' })
}

function noRoom(cause: unknown): Refusal {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'unknown'
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'The disk is full' : `The disk fails (${code})`
  const details = 'The job was not taken. Send it again, or as several jobs that fit into a record each.'
  const message = `${why}: there is no place to keep a large job until all of it has come`
  return unavailable(message, { retryAfterS: RETRY_AFTER_S, details, cause })
}

// A process that was killed between opening a file and unlinking it left the name behind.
async function emptied(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
}

async function openUnlinked(folder: string): Promise<SpoolFile> {
  const path = join(folder, randomUUID())
  const handle = await open(path, 'wx+', 0o600)
  try {
    await rm(path)
  } catch (error) {
    await handle.close()
    throw error
  }
  return {
    async write(bytes, position) {
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten
    },
    async read(bytes, position) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, position + at)
        if (bytesRead === 0) throw new Error(`the spool ends at ${position + at}`)
        at += bytesRead
      }
    },
    close: () => handle.close(),
  }
}
