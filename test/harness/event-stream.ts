import { until } from './until.ts'

export interface ServerEvent {
  readonly id: string
  readonly event: string
  readonly data: unknown
}

/** Server-sent events as a client hears them. */
export class EventStream {
  readonly events: ServerEvent[] = []
  readonly status: number
  readonly headers: Headers
  readonly #stop: AbortController
  isOver = false

  private constructor(response: Response, stop: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.#stop = stop
    void this.#read(response)
  }

  static async open(url: string, lastEventId: string | null = null): Promise<EventStream> {
    const stop = new AbortController()
    const headers = lastEventId === null ? {} : { 'last-event-id': lastEventId }
    return new EventStream(await fetch(url, { headers, signal: stop.signal }), stop)
  }

  async ended(waitMsMax?: number): Promise<readonly ServerEvent[]> {
    await until('the stream has ended', () => this.isOver, waitMsMax)
    return this.events
  }

  close(): void {
    this.#stop.abort()
  }

  async #read(response: Response): Promise<void> {
    let text = ''
    const decoder = new TextDecoder()
    try {
      for await (const bytes of response.body as ReadableStream<Uint8Array>) {
        text += decoder.decode(bytes, { stream: true })
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.#take(block)
      }
    } catch {
      // Closed, by either side.
    }
    this.isOver = true
  }

  #take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => [line.split(':', 1)[0], line.slice(line.indexOf(':') + 2)] as const))
    const [id, event, data] = ['id', 'event', 'data'].map((name) => fields.get(name))
    if (id !== undefined && event !== undefined && data !== undefined) this.events.push({ id, event, data: JSON.parse(data) })
  }
}
