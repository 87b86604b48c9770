import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/runtime/random.ts'
import type { DirectionFaults, Faults } from './link-faults.ts'

/** Bytes to pass on, that much later than they would be. */
export interface Passage {
  readonly bytes: Buffer
  readonly delayMs?: number
}

/** Looks at the bytes of one link, and answers what is passed on instead of them. What it throws ends the link. */
export interface Inspector {
  up(chunk: Buffer): readonly Passage[]
  down(chunk: Buffer): readonly Passage[]
}

export interface LinkOptions {
  readonly faults: () => Faults
  readonly random: Random
  readonly inspect: ((reset: () => void) => Inspector) | undefined
  readonly failed: (error: unknown) => void
  readonly swallowed: (bytes: number) => void
  readonly ended: () => void
}

/** A client's connection and the one to the server that was opened for it. */
export class Link {
  readonly #client: Socket
  readonly #server: Socket
  readonly #flows: readonly Flow[]
  readonly #options: LinkOptions
  readonly #over = new AbortController()

  constructor(client: Socket, target: string, options: LinkOptions) {
    this.#client = client
    this.#options = options
    const { hostname, port } = new URL(`tcp://${target}`)
    this.#server = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true })
    const reset = (): void => {
      this.reset()
    }
    const inspector = options.inspect?.(reset)
    const common = { random: options.random, swallowed: options.swallowed, over: this.#over.signal, reset }
    const pass = (chunk: Buffer): readonly Passage[] => [{ bytes: chunk }]
    const up = { ...common, faults: () => options.faults().up ?? {}, inspect: inspector?.up.bind(inspector) ?? pass }
    const down = { ...common, faults: () => options.faults().down ?? {}, inspect: inspector?.down.bind(inspector) ?? pass }
    this.#flows = [new Flow(client, this.#server, up), new Flow(this.#server, client, down)]
    client.once('close', () => {
      this.#finish()
    })
    void Promise.all(this.#flows.map((flow) => flow.run())).catch((error: unknown) => {
      if (!this.#over.signal.aborted) options.failed(error)
      this.reset()
    })
  }

  /** Other faults hold from now on. */
  changed(): void {
    const hasLost = this.#flows.map((flow) => flow.changed()).includes(true)
    if (hasLost) this.reset()
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#server.resetAndDestroy()
    this.#finish()
  }

  #finish(): void {
    this.#over.abort()
    this.#options.ended()
  }
}

interface FlowOptions {
  readonly faults: () => DirectionFaults
  readonly random: Random
  readonly inspect: (chunk: Buffer) => readonly Passage[]
  readonly swallowed: (bytes: number) => void
  readonly over: AbortSignal
  readonly reset: () => void
}

/** Bytes, or how the sender ended: it has said all, or it is gone. */
type Sent = { readonly bytes: Buffer; readonly dueAt: number } | 'end' | 'gone'

/** So many bytes wait before the sender is held back. */
const WAITING_BYTES_MAX = 1024 * 1024
/** In how many pieces the bytes of a second come where bandwidth is limited. */
const SLICES_PER_SECOND = 20

/** One direction of a link. */
class Flow {
  readonly #from: Socket
  readonly #to: Socket
  readonly #options: FlowOptions
  readonly #waiting: Sent[] = []
  #waitingBytes = 0
  #lastDueAt = 0
  #passedBytes = 0
  #hasLost = false
  #wake: () => void = () => undefined

  constructor(from: Socket, to: Socket, options: FlowOptions) {
    this.#from = from
    this.#to = to
    this.#options = options
  }

  /** Resolves once the sender has said all and all of it is passed on. Rejects when the inspector throws, or the link is over. */
  async run(): Promise<void> {
    const inspected = new Promise<never>((_, reject) => {
      this.#from.on('data', (chunk: Buffer) => {
        try {
          this.#take(chunk)
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })
    this.#from.once('end', () => {
      this.#add('end')
    })
    this.#from.on('error', () => {
      this.#add('gone')
    })
    this.#options.over.addEventListener('abort', () => {
      this.#wake()
    })
    await Promise.race([inspected, this.#passOn()])
  }

  /** Answers whether bytes were lost that the receiver still believes to get. */
  changed(): boolean {
    this.#passedBytes = 0
    this.#wake()
    return this.#hasLost && this.#options.faults().swallowed !== true
  }

  #take(chunk: Buffer): void {
    const { latencyMs = 0, jitterMs = 0 } = this.#options.faults()
    for (const { bytes, delayMs = 0 } of this.#options.inspect(chunk)) {
      const lateMs = Math.max(0, latencyMs + jitterMs * (2 * this.#options.random() - 1)) + delayMs
      this.#lastDueAt = Math.max(this.#lastDueAt, performance.now() + lateMs)
      this.#waitingBytes += bytes.length
      this.#add({ bytes, dueAt: this.#lastDueAt })
    }
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#from.pause()
  }

  #add(sent: Sent): void {
    this.#waiting.push(sent)
    this.#wake()
  }

  async #passOn(): Promise<void> {
    for (;;) {
      const sent = this.#waiting[0]
      if (sent === undefined || this.#options.faults().stalled === true) {
        await this.#untilWoken()
        continue
      }
      if (typeof sent === 'object') {
        if (!(await this.#isDue(sent.dueAt))) continue
        await this.#deliver(sent.bytes)
      }
      this.#waiting.shift()
      if (sent === 'gone') this.#options.reset()
      if (sent === 'end') {
        this.#to.end()
        return
      }
    }
  }

  async #untilWoken(): Promise<void> {
    this.#options.over.throwIfAborted()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#options.over.throwIfAborted()
  }

  /** Waits for it; false when other faults may hold since. */
  async #isDue(dueAt: number): Promise<boolean> {
    const waitMs = dueAt - performance.now()
    if (waitMs <= 0) return true
    await sleep(waitMs, undefined, { signal: this.#options.over })
    return this.#options.faults().stalled !== true
  }

  async #deliver(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { stalled, swallowed, ...bounds } = this.#options.faults()
      const { sliceBytes = bytes.length, bytesPerSecond = Infinity, resetAfterBytes = Infinity } = bounds
      if (stalled === true) {
        await this.#untilWoken()
        continue
      }
      const beforeResetBytes = Math.max(1, resetAfterBytes - this.#passedBytes)
      const slice = bytes.subarray(at, at + Math.min(sliceBytes, bytesPerSecond / SLICES_PER_SECOND + 1, beforeResetBytes))
      if (bytesPerSecond !== Infinity) await sleep((slice.length / bytesPerSecond) * 1000, undefined, { signal: this.#options.over })
      if (swallowed === true) this.#lose(slice)
      else await this.#write(slice)
      at += slice.length
      this.#passedBytes += slice.length
      if (this.#passedBytes >= resetAfterBytes) this.#options.reset()
      this.#options.over.throwIfAborted()
      if (at < bytes.length) await nextTurn()
    }
    this.#waitingBytes -= bytes.length
    if (this.#waitingBytes < WAITING_BYTES_MAX / 2) this.#from.resume()
  }

  #lose({ length }: Buffer): void {
    this.#hasLost = true
    this.#options.swallowed(length)
  }

  async #write(slice: Buffer): Promise<void> {
    if (this.#to.destroyed || this.#to.write(slice)) return
    await new Promise<void>((resolve) => {
      const ready = (): void => {
        this.#to.off('drain', ready)
        this.#to.off('close', ready)
        resolve()
      }
      this.#to.on('drain', ready)
      this.#to.on('close', ready)
    })
  }
}
