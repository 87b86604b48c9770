import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A plugin that takes every call and answers none, until it is told to refuse them all. */
export class HangingPlugin {
  readonly #server: Server
  readonly #waiting = new Set<ServerResponse>()
  #hangs = true

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume()
      this.#waiting.add(response)
      if (!this.#hangs) this.#refuseAll()
    })
  }

  /** Those that wait for an answer, or did until they were given up. */
  get calls(): number {
    return this.#waiting.size
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  hang(): void {
    this.#hangs = true
  }

  letGo(): void {
    this.#hangs = false
    this.#refuseAll()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #refuseAll(): void {
    for (const response of this.#waiting) response.writeHead(404).end()
    this.#waiting.clear()
  }
}
