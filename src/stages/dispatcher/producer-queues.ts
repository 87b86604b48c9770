import { ProducerQueue, type QueuedSubjob } from './producer-queue.ts'

/** The queues of all producers that have something to do. */
export class ProducerQueues {
  readonly #queues = new Map<string, ProducerQueue>()

  keys(): Iterable<string> {
    return this.#queues.keys()
  }

  get(producerKey: string): ProducerQueue | undefined {
    return this.#queues.get(producerKey)
  }

  of(producerKey: string): ProducerQueue {
    const known = this.#queues.get(producerKey)
    if (known !== undefined) return known
    const queue = new ProducerQueue()
    this.#queues.set(producerKey, queue)
    return queue
  }

  /** Ends a subjob at its producer; a queue that has nothing left is forgotten. */
  end(producerKey: string, subjob: QueuedSubjob, running: boolean): void {
    const queue = this.of(producerKey)
    queue.end(subjob, running)
    if (queue.idle) this.#queues.delete(producerKey)
  }
}
