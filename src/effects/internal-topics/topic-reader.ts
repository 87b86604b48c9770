import type { InputRecord, KafkaClient, Position, TailReader } from '../../kafka/port.ts'

export interface TopicReaderOptions {
  readonly kafka: Pick<KafkaClient, 'tailReader'>
  readonly topic: string
  /** Of every partition. */
  readonly from: readonly Position[]
  readonly take: (record: InputRecord) => void
  /** More was read. */
  readonly onProgress: () => void
  /** Reading has ended for good. */
  readonly onFailure: (error: Error) => void
}

/** Reads a topic from given positions on, and tells how far it is. */
export class TopicReader {
  readonly #reader: TailReader
  readonly #positions: Map<number, number>

  constructor({ kafka, topic, from, take, onProgress, onFailure }: TopicReaderOptions) {
    this.#positions = new Map(from.map(({ partition, offset }) => [partition, offset]))
    this.#reader = kafka.tailReader({
      name: `results.${topic}`,
      topics: [topic],
      from,
      events: {
        records: (at, records, nextOffset) => {
          for (const record of records) take(record)
          this.#positions.set(at.partition, nextOffset)
          onProgress()
          return Promise.resolve()
        },
        crashed: onFailure,
      },
    })
  }

  /** Rejects with KafkaFailure; then nothing is left running. */
  start(): Promise<void> {
    return this.#reader.start()
  }

  stop(): Promise<void> {
    return this.#reader.stop()
  }

  /** Whether everything before these positions was taken. */
  hasRead(ends: readonly Position[]): boolean {
    return ends.every(({ partition, offset }) => (this.#positions.get(partition) ?? 0) >= offset)
  }
}
