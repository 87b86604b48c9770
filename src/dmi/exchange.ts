import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { type Dispatcher, errors } from 'undici'
import type { Clock } from '../runtime/clock.ts'

export interface ExchangeOptions {
  /** Whether a success that does not come all at once is handed over as a stream; everything else is read to its end, or cut off. */
  readonly streams: boolean
  /** The most bytes of an answer that is read to its end. */
  readonly replyBytesMax: number
  /** When an answer that is read to its end must be over, in the clock's time. */
  readonly deadline: number
  readonly clock: Clock
}

/** What became of a request. */
export type Answer = WholeAnswer | StreamedAnswer | BrokenExchange

interface WholeAnswer {
  readonly type: 'whole'
  readonly head: AnswerHead
  readonly bytes: Buffer
  /** The limit that cut it off, together with its connection; null for an answer that is complete. */
  readonly exceeded: 'bytes' | 'deadline' | null
}

interface StreamedAnswer {
  readonly type: 'stream'
  readonly head: AnswerHead
  /** Holds a connection until it ends or is destroyed. */
  readonly body: Readable
}

interface BrokenExchange {
  readonly type: 'broken'
  /** Null where not even that came. */
  readonly head: AnswerHead | null
  readonly error: Error
}

export interface AnswerHead {
  readonly httpStatus: number
  readonly headers: IncomingHttpHeaders
}

/** Of an answer to be streamed, this much may come at once for it to be handed over whole. */
const WHOLE_BYTES_MAX = 64 * 1024

/**
 * A request on its way, and its answer. Most answers are small and come at once: collecting them here takes a small part of what
 * undici's `request` does, which makes a stream of each.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>
  readonly #settle: (answer: Answer) => void
  readonly #options: ExchangeOptions
  #isOver = false
  #controller: Dispatcher.DispatchController | null = null
  #head: AnswerHead | null = null
  #held: Buffer[] = []
  #heldBytes = 0
  #body: Readable | null = null

  constructor(options: ExchangeOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.answer = promise
    this.#settle = resolve
  }

  /** Whether its answer is told; a stream of it may still be open. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Nobody waits for the answer any more: its connection is closed. */
  giveUp(): void {
    if (this.#body === null) this.#break(new errors.RequestAbortedError())
    else this.#body.destroy()
  }

  /** For who could not send it. */
  fail(error: Error): void {
    this.#break(error)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new errors.RequestAbortedError())
  }

  onResponseStart(controller: Dispatcher.DispatchController, httpStatus: number, headers: IncomingHttpHeaders): void {
    // Of what is only provisional, nobody wants to know.
    if (httpStatus < 200) return
    this.#head = { httpStatus, headers }
    // What the network has brought already is read before this gets its turn.
    if (this.#isToStream()) queueMicrotask(() => { this.#open(controller) })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body !== null) {
      if (!this.#body.push(chunk)) controller.pause()
      return
    }
    if (this.#isOver) return
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#isToStream()) {
      if (this.#heldBytes > WHOLE_BYTES_MAX) this.#open(controller)
      return
    }
    const { replyBytesMax, clock, deadline } = this.#options
    if (this.#heldBytes > replyBytesMax) this.#cutOff('bytes')
    // Silence is bodyTimeoutMs's affair, so looking at the clock only when something comes is enough.
    else if (clock.now() > deadline) this.#cutOff('deadline')
  }

  onResponseEnd(): void {
    if (this.#body === null) this.#whole(null)
    else this.#body.push(null)
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#body === null) this.#break(error)
    else this.#body.destroy(error)
  }

  #isToStream(): boolean {
    const head = this.#head
    return this.#options.streams && head !== null && isSuccess(head) && !isHtml(head)
  }

  /** What has come is handed over, and the rest as it comes and is read. */
  #open(controller: Dispatcher.DispatchController): void {
    const head = this.#head
    if (this.#isOver || head === null) return
    const body = new Readable({
      read: () => { controller.resume() },
      destroy: (error, done) => {
        const reason = error ?? (body.readableEnded ? null : new errors.RequestAbortedError())
        if (reason !== null) controller.abort(reason)
        done(reason)
      },
    })
    // Its reader learns of a failure from reading; nobody may be listening yet when the network or the caller ends it.
    body.on('error', () => undefined)
    this.#body = body
    for (const chunk of this.#held) if (!body.push(chunk)) controller.pause()
    this.#over({ type: 'stream', head, body })
  }

  #cutOff(exceeded: 'bytes' | 'deadline'): void {
    this.#whole(exceeded)
    // Paused as well, so that the parser does not go on to the end of what it has.
    this.#controller?.pause()
    this.#controller?.abort(new errors.RequestAbortedError())
  }

  #whole(exceeded: 'bytes' | 'deadline' | null): void {
    const [first] = this.#held
    const bytes = first !== undefined && this.#held.length === 1 ? first : Buffer.concat(this.#held)
    if (this.#head !== null) this.#over({ type: 'whole', head: this.#head, bytes, exceeded })
  }

  #break(error: Error): void {
    this.#over({ type: 'broken', error, head: this.#head })
    this.#controller?.abort(error)
  }

  #over(answer: Answer): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#held = []
    this.#settle(answer)
  }
}

/** Of the 2xx class. */
export function isSuccess({ httpStatus }: AnswerHead): boolean {
  return httpStatus >= 200 && httpStatus < 300
}

/** A proxy's page, however it was answered, is nothing that a plugin says. */
export function isHtml({ headers }: AnswerHead): boolean {
  return /^text\/html\b/i.test(first(headers['content-type']) ?? '')
}

/** The first of a header's values; undefined where it is not there. */
export function first(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0]
}
