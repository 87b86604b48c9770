import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import kafkajs, { type Kafka, type Message, type Producer } from 'kafkajs'

/** A subjob as the plugin was handed it. */
export interface SubmittedPart {
  readonly jobId: string
  readonly dataProducerJobId: string
  readonly operations: readonly { readonly operationId: string | number; readonly op: string; readonly path: string }[]
}

export interface WrittenEvent {
  readonly correlationId: string
  readonly responses: readonly object[]
  readonly source?: string
}

/** A plugin that answers result calls with the name of a topic, and leaves it to a test what is written there and when. */
export class PluginWithTopic {
  readonly topic: string
  readonly parts: SubmittedPart[] = []
  /** Result calls, by the plugin's id of the subjob. */
  readonly asked: string[] = []
  /** What is to happen before an answer; the answer waits for it. */
  onSubmit: (part: SubmittedPart) => Promise<void> = () => Promise.resolve()
  onResult: (part: SubmittedPart) => Promise<void> = () => Promise.resolve()
  readonly #server: Server
  readonly #producer: Producer
  #lastSent: Promise<void> = Promise.resolve()
  readonly #ids = new Map<string, SubmittedPart>()

  private constructor(topic: string, kafka: Kafka) {
    this.topic = topic
    this.#producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    this.#server = createServer((request, response) => {
      void this.#answer(request).then((answer) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
      })
    })
  }

  static async start(topic: string, kafka: Kafka): Promise<PluginWithTopic> {
    const plugin = new PluginWithTopic(topic, kafka)
    await plugin.#producer.connect()
    await new Promise<void>((resolve) => plugin.#server.listen(0, '127.0.0.1', resolve))
    return plugin
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async write(...events: readonly WrittenEvent[]): Promise<void> {
    const messages = events.map(({ correlationId, responses, source }, n) => ({
      // On all partitions, one after the other.
      partition: n % 3,
      value: JSON.stringify({ data: { responses } }),
      headers: { ce_correlationid: correlationId, ...(source === undefined ? {} : { ce_source: source }) },
    }))
    await this.#send(messages)
  }

  async writeText(correlationId: string, value: string): Promise<void> {
    await this.#send([{ value, headers: { ce_correlationid: correlationId } }])
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await Promise.all([this.#producer.disconnect(), new Promise((resolve) => this.#server.close(resolve))])
  }

  // One after the other: kafkajs opens its connection once for each that comes before it is there.
  #send(messages: Message[]): Promise<void> {
    const sent = this.#lastSent.then(async () => {
      await this.#producer.send({ topic: this.topic, acks: -1, messages })
    })
    this.#lastSent = sent.catch(() => undefined)
    return sent
  }

  async #answer(request: IncomingMessage): Promise<object> {
    const { method, url = '' } = request
    if (method === 'POST') {
      const { dataJobId, data } = (await json(request)) as { dataJobId: string; data: SubmittedPart['operations'] }
      const dataProducerJobId = `plugin ${String(request.headers['idempotency-key'])}`
      const part = { jobId: dataJobId, dataProducerJobId, operations: data }
      if (!this.#ids.has(dataProducerJobId)) this.parts.push(part)
      this.#ids.set(dataProducerJobId, part)
      await this.onSubmit(part)
      return { dataProducerJobId }
    }
    const [, id = ''] = /dataProducerJob\/([^/]+)\//.exec(url) ?? []
    const part = this.#ids.get(decodeURIComponent(id))
    if (url.includes('/status') || part === undefined) return { status: 'FINISHED' }
    this.asked.push(part.dataProducerJobId)
    await this.onResult(part)
    return { resulturi: this.topic }
  }
}

/** What a plugin says about operations that went well. */
export function responsesTo(operations: SubmittedPart['operations'], result: unknown = {}): readonly object[] {
  return operations.map(({ operationId, op, path }) => {
    return { operationId, statusCode: 0, statusMessage: 'Successfully applied changes', request: { op, path }, result }
  })
}
