import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Child, Exit } from '../../harness/children.ts'
import type { Installation, ServiceOptions } from '../../harness/installation.ts'
import type { ServiceClient } from '../../harness/service-client.ts'
import { until } from '../../harness/until.ts'

const START_AGAIN_MS = 500

export interface SlotOptions {
  /** Of all of its processes. */
  readonly settings: Readonly<Record<string, string>>
  /** The process has ended. */
  ended(slot: ServiceSlot, exit: Exit, wasAsked: boolean): void
}

/** A service process, and whoever starts it again when it ends, as a supervisor does on a server. */
export class ServiceSlot {
  readonly name: string
  readonly #installation: Installation
  readonly #options: SlotOptions
  #next: ServiceOptions = {}
  #beforeNext: () => void = () => undefined
  #child: Child | null = null
  #client: ServiceClient | null = null
  #replaced: Promise<unknown> = Promise.resolve()
  #isAsked = false
  readonly #stopped = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(name: string, installation: Installation, options: SlotOptions) {
    this.name = name
    this.#installation = installation
    this.#options = options
  }

  /** Null while no process of it answers. */
  get client(): ServiceClient | null {
    return this.#client
  }

  get child(): Child | null {
    return this.#child
  }

  get dataFolder(): string {
    return join(this.#installation.folder, this.name)
  }

  start(): void {
    this.#running = this.#run()
  }

  /**
   * Ends the process by force; the next one is started with those options, all after it as usual. Resolves to it, before it listens.
   * @param meanwhile what is done while no process of it runs
   */
  replace(options: ServiceOptions, meanwhile: () => void = () => undefined): Promise<Child> {
    // One after the other: faults are played side by side, and each waits for the process that it asked for.
    const replaced = this.#replaced.then(() => this.#replace(options, meanwhile))
    this.#replaced = replaced
    return replaced
  }

  async #replace(options: ServiceOptions, meanwhile: () => void): Promise<Child> {
    const next = Promise.withResolvers<Child>()
    this.#next = { ...options, onSpawn: next.resolve }
    this.#beforeNext = meanwhile
    await this.kill()
    return next.promise
  }

  /** Ends the process, and waits until it is gone; another one is started. */
  async kill(): Promise<void> {
    this.#isAsked = true
    await this.#child?.kill()
  }

  /** Ends it as an operator does; another one is started. */
  async restart(): Promise<Exit | undefined> {
    this.#isAsked = true
    return this.#child?.stop()
  }

  /** Resolves once all lanes of its process run. */
  async ready(waitMsMax: number): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      const answer = await this.#client?.request('GET', '/readyz', { timeoutMs: 2_000 }).catch(() => null)
      return answer?.status === 200
    }
    await until(`${this.name} is ready`, isReady, waitMsMax)
  }

  /** Ends it for good, at once. */
  async end(): Promise<void> {
    this.#stopped.abort()
    await this.kill()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const options = this.#next
      this.#next = {}
      this.#beforeNext()
      this.#beforeNext = () => undefined
      this.#isAsked = false
      await this.#runOnce(options)
      await sleep(START_AGAIN_MS, undefined, { signal: this.#stopped.signal }).catch(() => undefined)
    }
  }

  async #runOnce(options: ServiceOptions): Promise<void> {
    const spawned = Promise.withResolvers<Child>()
    const onSpawn = (child: Child): void => {
      this.#child = child
      options.onSpawn?.(child)
      spawned.resolve(child)
    }
    try {
      const settings = { ...this.#options.settings, ...options.settings }
      const { client } = await this.#installation.service(this.name, { ...options, settings, dataFolder: this.dataFolder, onSpawn })
      this.#client = client
    } catch {
      // It ended before it listened, or takes too long: its log says why.
      await this.#child?.kill()
    }
    const exit = await (await spawned.promise).exited
    this.#client = null
    this.#child = null
    this.#options.ended(this, exit, this.#isAsked)
  }
}
