/** Results that plugins put on topics of their own: found there, and handed to whoever publishes them. */
import { KafkaFailure } from '../../kafka/port.ts'
import type { TimerHandle } from '../../runtime/clock.ts'
import type { OperationResponse } from '../../sinks/sink.ts'
import type { KeptOperations } from '../../stages/operation-store.ts'
import { CollectedMemory, type Holding } from './collected-memory.ts'
import { Collection, type SubjobToCollect } from './collection.ts'
import { InternalTopic, type InternalTopicOptions } from './internal-topic.ts'

export interface InternalTopicsOptions extends InternalTopicOptions {
  /** Of one subjob's responses. */
  readonly subjobBytesMax: number
  /** Of all responses that were found and are not published yet. */
  readonly collectedBytesMax: number
}

export interface CollectRequest extends Omit<SubjobToCollect, 'operationIds'> {
  readonly topic: string
  readonly operations: Pick<KeptOperations, 'load'>
  /** When the producer was first called. */
  readonly since: number
  /** How long results are waited for. */
  readonly waitMs: number
  readonly signal: AbortSignal
}

export interface TopicResults {
  /** Of those operations that any were found of. */
  readonly responses: readonly OperationResponse[]
  /** To be called once the responses are no longer needed. */
  readonly release: () => void
}

interface OpenTopic {
  readonly topic: InternalTopic
  users: number
  idle: TimerHandle | null
}

// Each has a reader with connections of its own.
const TOPICS_MAX = 32
// Between two results of a plugin that is in use.
const IDLE_MS_MAX = 30_000

/** The topics that are read, each as long as somebody waits for something on it. */
export class InternalTopics {
  readonly #options: InternalTopicsOptions
  readonly #open = new Map<string, OpenTopic>()
  readonly #memory: CollectedMemory

  constructor(options: InternalTopicsOptions) {
    this.#options = options
    this.#memory = new CollectedMemory(options.collectedBytesMax, options.timers, () => {
      for (const { topic } of this.#open.values()) topic.changed()
    })
  }

  /** Throws KafkaFailure when the topic can't be read, and the signal's reason. */
  async collect(request: CollectRequest): Promise<TopicResults> {
    const holding = this.#memory.open()
    const release = (): void => {
      this.#memory.close(holding)
    }
    try {
      for (;;) {
        const collection = await this.#tryToCollect(request, holding)
        if (!holding.isGivenUp) {
          holding.isDone = true
          return { responses: collection.responses(request.operations.load()), release }
        }
        const { bytes } = holding
        collection.clear()
        await this.#memory.roomFor(holding, bytes, request.signal)
      }
    } catch (error) {
      release()
      throw error
    }
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()]
    this.#open.clear()
    for (const { idle } of open) idle?.cancel()
    await Promise.all(open.map(({ topic }) => topic.stop()))
  }

  async #tryToCollect(request: CollectRequest, holding: Holding): Promise<Collection> {
    const { topic: name, operations, correlationIds, service, certainSince, since, waitMs, signal } = request
    const operationIds = new Set(operations.load().map(({ operationId }) => String(operationId)))
    const subjob = { correlationIds, service, certainSince, operationIds }
    const collection = new Collection(subjob, this.#options.subjobBytesMax, (bytes) => {
      this.#memory.grow(holding, bytes)
    })
    const opened = this.#use(name)
    try {
      await opened.topic.fill(collection, { since, waitMs, signal, isGivenUp: () => holding.isGivenUp })
      return collection
    } catch (error) {
      collection.clear()
      throw error
    } finally {
      this.#letGo(name, opened)
    }
  }

  #use(name: string): OpenTopic {
    let opened = this.#open.get(name)
    if (opened === undefined || opened.topic.hasFailed) {
      if (this.#open.size >= TOPICS_MAX && opened === undefined) {
        const details = { code: 'TOO_MANY_TOPICS', disposition: 'retry', topic: name } as const
        throw new KafkaFailure(`${TOPICS_MAX} topics of plugins are read already`, details)
      }
      void opened?.topic.stop()
      opened?.idle?.cancel()
      opened = { topic: new InternalTopic(name, this.#options), users: 0, idle: null }
      this.#open.set(name, opened)
    }
    opened.idle?.cancel()
    opened.users += 1
    return opened
  }

  #letGo(name: string, opened: OpenTopic): void {
    opened.users -= 1
    if (opened.users > 0 || this.#open.get(name) !== opened) return
    opened.idle = this.#options.timers.after(opened.topic.hasFailed ? 0 : IDLE_MS_MAX, () => {
      this.#open.delete(name)
      void opened.topic.stop()
    })
  }
}
