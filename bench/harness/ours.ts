/** What is measured: services on a stack, a plugin behind them, a consumer of the results. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createKafkaClient } from '../../src/kafka/kafkajs/client.ts'
import type { KafkaClient, TailReader } from '../../src/kafka/port.ts'
import type { StackEndpoints } from '../../stack/stack.ts'
import { Installation, type Service } from '../../test/harness/installation.ts'

export interface OursOptions {
  readonly name: string
  readonly stack: StackEndpoints
  readonly settings?: Readonly<Record<string, string>>
  readonly services?: number
  /** Partitions of each stage topic; as many as the product has by itself, unless said. */
  readonly partitions?: number
}

/** How many handles there are, and between how many data producers they are divided, in runs. */
export interface Network {
  readonly handles: number
  readonly producers: number
}

/** When, by performance.now(), a job's request began, was answered, and was known to be over. */
export interface JobTimes {
  readonly begun: number
  readonly accepted: number
  readonly completed: number
}

interface CompletionEvent {
  readonly data: { readonly counts: { readonly operations: { readonly succeeded: number } } }
}

interface Completion {
  readonly at: number
  readonly value: Buffer
}

const SERVICE = 'bench'
const INVENTORY_BATCH = 5_000
const OPERATIONS_PER_WRITE = 500
const COMPLETION = 'DataJobCompletionEvent'
const WAIT_MS_MAX = 1_800_000
const PARTITIONS = 6

export class Ours {
  readonly services: Service[]
  readonly installation: Installation
  readonly kafka: KafkaClient
  readonly #reader: TailReader
  /** Where all jobs' results go; this is told of those that are completed. */
  readonly destination: string
  readonly #completions = new Map<string, Completion>()
  readonly #waiting = new Map<string, (completion: Completion) => void>()

  private constructor(installation: Installation, services: Service[], kafka: KafkaClient, topic: string) {
    this.installation = installation
    this.services = services
    this.kafka = kafka
    this.destination = `kafka:${topic}`
    this.#reader = kafka.tailReader({
      name: 'bench',
      topics: [topic],
      from: [],
      events: {
        records: (_, records) => {
          for (const { headers, value } of records) {
            const isCompletion = headers['ce_type']?.endsWith(COMPLETION) === true
            if (isCompletion && value !== null) this.#complete(headers['ce_correlationid'] ?? '', value)
          }
          return Promise.resolve()
        },
        crashed: (error) => {
          throw error
        },
      },
    })
  }

  static async open({ name, stack, settings = {}, services: count = 1, partitions = PARTITIONS }: OursOptions): Promise<Ours> {
    const installation = await Installation.open(name, stack, { DATAJOB_PARTITIONS: String(partitions), ...settings })
    const ignore = (): void => undefined
    const logger = { debug: ignore, info: ignore, warn: ignore }
    const brokers = stack.kafkaBrokers.split(',')
    const kafka = createKafkaClient({ brokers, clientId: 'bench', logger, transactionTimeoutMs: 60_000 })
    const { topic } = await installation.resultTopic('results')
    const services: Service[] = []
    for (let n = 0; n < count; n += 1) services.push(await installation.service(`service-${n}`))
    await Promise.all(services.map(({ client }) => client.ready()))
    const ours = new Ours(installation, services, kafka, topic)
    await ours.#reader.start()
    return ours
  }

  get client(): Service['client'] {
    return this.service.client
  }

  get service(): Service {
    const [first] = this.services
    if (first === undefined) throw new Error('no service was started')
    return first
  }

  /** Ends the first service at once. */
  async killed(): Promise<void> {
    await this.service.child.kill()
  }

  /** Starts it again, with what it had on disk. */
  async started(): Promise<void> {
    this.services[0] = await this.installation.service('service-0')
    await this.client.ready()
  }

  /** Registers the plugin, and handles that it answers for. */
  async register(url: string, { handles, producers }: Network): Promise<void> {
    await this.client.registerService(SERVICE, url)
    for (let from = 0; from < handles; from += INVENTORY_BATCH) {
      const created = Array.from({ length: Math.min(INVENTORY_BATCH, handles - from) }, (_, n) => {
        const handle = from + n
        const producer = Math.floor((handle * producers) / handles)
        return { cmHandle: `handle-${handle}`, alternateId: elementOf(handle), dataProducerIdentifier: `producer-${producer}` }
      })
      await this.client.registerHandles(SERVICE, created)
    }
  }

  /** A job of as many write operations, spread over as many handles, from its request to its completion event. */
  async job(operations: number, handles: number): Promise<JobTimes> {
    const { jobId, begun, accepted } = await this.submit(operations, handles)
    return { begun, accepted, completed: await this.completed(jobId, operations) }
  }

  async submit(
    operations: number,
    handles: number,
  ): Promise<{ readonly jobId: string; readonly begun: number; readonly accepted: number }> {
    const path = `/ranoam/cm/v1/dataJob?destination=${this.destination}`
    const outgoing = request(`${this.client.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' } })
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
    const begun = performance.now()
    for (const piece of bodyPieces(operations, handles)) if (!outgoing.write(piece)) await once(outgoing, 'drain')
    outgoing.end()
    const [response] = await answered
    let text = ''
    for await (const chunk of response) text += String(chunk)
    if (response.statusCode !== 202) throw new Error(`the job was answered ${response.statusCode}: ${text}`)
    return { jobId: (JSON.parse(text) as { readonly jobId: string }).jobId, begun, accepted: performance.now() }
  }

  /** When the job was known to be over. Throws unless all of its operations succeeded. */
  async completed(jobId: string, operations: number): Promise<number> {
    const { at, value } = this.#completions.get(jobId) ?? (await this.#completion(jobId))
    this.#completions.delete(jobId)
    const { succeeded } = (JSON.parse(String(value)) as CompletionEvent).data.counts.operations
    if (succeeded !== operations) throw new Error(`job ${jobId}: ${succeeded} of ${operations} operations succeeded`)
    return at
  }

  async close(): Promise<void> {
    await this.#reader.stop()
    await Promise.all(this.services.map(({ child }) => child.stop()))
    await this.installation.close()
  }

  #completion(jobId: string): Promise<Completion> {
    return new Promise((resolve, reject) => {
      const tooLate = setTimeout(() => {
        reject(new Error(`job ${jobId} has not ended within ${WAIT_MS_MAX} ms`))
      }, WAIT_MS_MAX)
      this.#waiting.set(jobId, (completion) => {
        clearTimeout(tooLate)
        this.#waiting.delete(jobId)
        resolve(completion)
      })
    })
  }

  #complete(jobId: string, value: Buffer): void {
    const completion = { at: performance.now(), value }
    this.#completions.set(jobId, completion)
    this.#waiting.get(jobId)?.(completion)
  }
}

/** A managed element's name; its cells are below it. */
export function elementOf(handle: number): string {
  return `/SubNetwork=Europe/MeContext=NR${handle}/ManagedElement=NE${handle}`
}

/** About 220 bytes. */
export function operationText(n: number, handle: number): string {
  const path = `${elementOf(handle)}/GNBDUFunction=1/NRCellDU=${n % 6}`
  const value = `{"id":"${n % 6}","attributes":{"nRPCI":${n % 1008},"administrativeState":"UNLOCKED"}}`
  return `{"op":"merge","operationId":"operation-${n}","path":"${path}","value":${value}}`
}

function* bodyPieces(operations: number, handles: number): Generator<string> {
  let piece = '{"data":['
  for (let n = 0; n < operations; n += 1) {
    piece += (n === 0 ? '' : ',') + operationText(n, Math.floor((n * handles) / operations) % handles)
    if (n % OPERATIONS_PER_WRITE === 0) {
      yield piece
      piece = ''
    }
  }
  yield `${piece}]}`
}
