/** A client that executes a process whose subscriber is told what becomes of it, whatever breaks. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Chaos } from '../../harness/chaos.ts'
import type { CallbackReceiver, ReceiverAnswer } from '../../harness/callback-receiver.ts'
import type { Installation } from '../../harness/installation.ts'
import type { Answer } from '../../harness/service-client.ts'
import { pick } from './chaos-job.ts'
import type { ServiceSlot } from './service-slot.ts'

/** How its subscriber answers: with 503 and 429 at first, too late at first, or that it wants to hear no more of it. */
const MOODS = ['well', 'well', 'busy', 'slow', 'refusing'] as const
export const SUBSCRIBER_URIS = ['inProgressUri', 'successUri', 'failedUri'] as const
type SubscriberUri = (typeof SUBSCRIBER_URIS)[number]

export interface ChaosExecution {
  readonly name: string
  readonly mood: (typeof MOODS)[number]
  readonly pauseSeconds: number
  readonly isToBeDismissed: boolean
  /** Null as long as no answer says that it was taken. */
  jobId: string | null
}

export interface ExecutionClientOptions {
  readonly installation: Installation
  readonly slots: readonly ServiceSlot[]
  readonly receiver: CallbackReceiver
}

/** The base of one workspace. */
export const EXECUTIONS = '/east/ogc-api'
const REQUEST_MS_MAX = 15_000
const AGAIN_MS = 400
const REST_MS = { min: 500, max: 2_500 }
/** Longer than callbacks may take (world.ts). */
const SLOW_MS = 2_500

export class ExecutionClient {
  readonly #options: ExecutionClientOptions
  readonly #executions: ChaosExecution[] = []
  readonly #complaints: string[] = []
  #names = 0

  constructor(options: ExecutionClientOptions) {
    this.#options = options
  }

  /** What was executed, and what should not have been answered, since the last call. */
  take(): { readonly executions: readonly ChaosExecution[]; readonly complaints: readonly string[] } {
    return { executions: this.#executions.splice(0), complaints: this.#complaints.splice(0) }
  }

  /** Executes one after the other until it is stopped. */
  async work(chaos: Chaos, stop: AbortSignal): Promise<void> {
    const isOver = (): boolean => stop.aborted
    while (!isOver()) {
      const pauseSeconds = chaos.chance(0.5) ? 0 : chaos.between(1, 30) / 10
      const name = `execution-${(this.#names += 1)}`
      const execution = { name, mood: pick(chaos, MOODS), pauseSeconds, isToBeDismissed: chaos.chance(0.15), jobId: null }
      this.#executions.push(execution)
      await this.settle(execution, stop)
      if (execution.isToBeDismissed) await this.#dismiss(execution)
      await sleep(chaos.between(REST_MS.min, REST_MS.max))
    }
  }

  /** Sends it, under its own key, until it is clear that it was taken. */
  async settle(execution: ChaosExecution, giveUp: AbortSignal): Promise<void> {
    const { name, pauseSeconds: pause } = execution
    for (let n = 0; execution.jobId === null; n += 1) {
      const answer = await this.#ask(n, 'POST', '/processes/echo/execution', {
        body: { inputs: { string: name, pause }, response: 'document', subscriber: this.#subscriberOf(execution) },
        headers: { 'prefer': 'respond-async', 'idempotency-key': `${name} of ${this.#options.installation.prefix}` },
      })
      if (answer?.status === 201) execution.jobId = (answer.body as { readonly jobID: string }).jobID
      else if (answer !== null && answer.status !== 503) this.#complain(execution, answer)
      if (giveUp.aborted) return
      if (execution.jobId === null) await sleep(AGAIN_MS)
    }
  }

  #subscriberOf(execution: ChaosExecution): Readonly<Record<string, string>> {
    return Object.fromEntries(SUBSCRIBER_URIS.map((uri) => [uri, this.#options.receiver.url + pathOf(execution, uri)]))
  }

  // Whatever the answer is, it may be dismissed, or have ended before.
  async #dismiss(execution: ChaosExecution): Promise<void> {
    if (execution.jobId === null) return
    const answer = await this.#ask(0, 'DELETE', `/jobs/${encodeURIComponent(execution.jobId)}`)
    if (answer !== null && ![200, 409, 410, 503].includes(answer.status)) this.#complain(execution, answer)
  }

  async #ask(n: number, method: string, path: string, options: object = {}): Promise<Answer | null> {
    const clients = this.#options.slots.flatMap(({ client }) => client ?? [])
    const client = clients[n % Math.max(1, clients.length)]
    return client?.request(method, EXECUTIONS + path, { ...options, timeoutMs: REQUEST_MS_MAX }).catch(() => null) ?? null
  }

  #complain({ name, jobId }: ChaosExecution, { status, body }: Answer): void {
    this.#complaints.push(`${name} (${jobId ?? 'no job yet'}) was answered ${status}: ${JSON.stringify(body)}`)
  }
}

/** Where an execution is told of one thing; its subscriber's mood is in it. */
export function pathOf({ name, mood }: ChaosExecution, uri: SubscriberUri): string {
  return `/${mood}/${name}/${uri}`
}

/** What is answered at such a path, when so many callbacks came to it before. */
export function answerOf(path: string, before: number): ReceiverAnswer {
  if (path.startsWith('/refusing/') && path.endsWith('/inProgressUri')) return { status: 410 }
  if (path.startsWith('/busy/') && before === 0) return { status: 503 }
  if (path.startsWith('/busy/') && before === 1) return { status: 429, headers: { 'retry-after': '1' } }
  if (path.startsWith('/slow/') && before === 0) return { status: 503, delayMs: SLOW_MS }
  return { status: 204 }
}
