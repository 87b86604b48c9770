/** The REST facade with fakes of what is behind it: Kafka is a list, the projector reads it when a test says so. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import type { Job } from '../../src/domain/job.ts'
import type { HandleRegistered, InventoryMessage, ServiceRegistered } from '../../src/domain/inventory-messages.ts'
import type { SubmitJob } from '../../src/domain/messages.ts'
import type { Handle } from '../../src/domain/split.ts'
import { BUILT_IN_PROCESSES } from '../../src/inventory/built-in-processes.ts'
import { DefinitionIndex } from '../../src/inventory/definition-index.ts'
import { handleKey } from '../../src/inventory/inventory.ts'
import { ProcessIndex } from '../../src/inventory/process-index.ts'
import { type InputRecord, KafkaFailure, type OutputRecord, type Position } from '../../src/kafka/port.ts'
import type { ReadModel } from '../../src/read-model/port.ts'
import { NO_AUTH } from '../../src/rest/auth.ts'
import type { FetchedDocument, ReadProgress, ResultStore, ServerDependencies, UnitCheck } from '../../src/rest/dependencies.ts'
import { DEFAULT_REST_LIMITS, type RestLimits } from '../../src/rest/limits.ts'
import { buildServer } from '../../src/rest/server.ts'
import { changeOf } from '../../src/stages/projector/projector-changes.ts'
import { jsonCodec } from './json-codec.ts'
import { ManualTime } from './manual-time.ts'
import { MemoryTopics } from './memory-topics.ts'
import { openTestReadModel } from './test-read-model.ts'

const PARTITIONS = 3
const RULES = {
  destinations: { bareNameIs: 'topic', topicPrefix: 'datajob.' },
  submissions: { operationsMax: 1_000, pathLengthMax: 200 },
  callbackRefusal: () => null,
} as const

interface Changes extends Partial<Omit<ServerDependencies, 'limits'>> {
  readonly limits?: Partial<RestLimits>
}

export class RestFixture {
  readonly time = new ManualTime(1_763_785_140_250)
  readonly readModel: ReadModel = openTestReadModel()
  readonly metrics = new Registry()
  /** Everything written to Kafka, in order. */
  readonly written: OutputRecord[] = []
  readonly topics = new Set(['my-results', 'datajob.results'])
  readonly buckets = new Set(['my-bucket'])
  readonly services = new Map<string, ServiceRegistered>()
  readonly handles = new Map<string, HandleRegistered>()
  readonly processes = new ProcessIndex(BUILT_IN_PROCESSES)
  readonly definitions = new DefinitionIndex()
  readonly logLines: string[] = []
  /** What is on the topics that results go to. */
  readonly resultTopics = new MemoryTopics({ 'my-results': 3, 'datajob.results': 3 })
  /** Keys of what is stored in buckets. */
  readonly stored = new Map<string, string[]>()
  readonly asked = { topicExists: 0, bucketExists: 0, lag: 0, listings: 0 }
  /** What every call to Kafka ends with; null when all is well, `silence` when none ends. */
  outage: KafkaFailure | 'silence' | null = null
  storeFailure: Error | null = null
  /** What is on the internet. */
  readonly documents = new Map<string, FetchedDocument>()
  /** What exec producers say of what they are asked. */
  unitCheck: UnitCheck = { type: 'runs' }
  readonly checked: { readonly service: string; readonly value: unknown }[] = []
  lag = 0
  /** Happens while a request waits for the inventory. */
  onInventoryWait = (): void => undefined
  readonly spoolFolder = join(tmpdir(), `datajob-uploads-${randomUUID()}`)
  readonly #unread: InputRecord[] = []
  readonly #listeners = new Set<(jobId: string) => void>()
  readonly #offsets = new Map<number, number>()
  #reading = true

  readonly progress: ReadProgress = {
    homePartition: (jobId) => jobId.length % PARTITIONS,
    waitFor: () => Promise.resolve(this.#reading),
    waitForJob: () => this.#caughtUp(),
    waitForSubjobs: () => this.#caughtUp(),
    waitForAll: () => this.#caughtUp(),
    onChange: (listener) => {
      this.#listeners.add(listener)
      return () => this.#listeners.delete(listener)
    },
    lag: async () => {
      this.asked.lag += 1
      await this.#answered()
      return this.lag
    },
  }

  /** The command that was written last. */
  get command(): SubmitJob {
    const record = this.written.findLast(({ topic }) => topic === 'commands')
    return JSON.parse(record?.value?.toString() ?? 'null') as SubmitJob
  }

  build(changes: Changes = {}): Promise<FastifyInstance> {
    return buildServer(this.dependencies(changes))
  }

  /** What the server is made with. */
  dependencies(changes: Changes = {}): ServerDependencies {
    const { limits, ...others } = changes
    return {
      codec: jsonCodec,
      producer: { send: (records) => this.#send(records) },
      openLargeProducer: () => this.#openProducer(),
      handles: { find: (name) => this.#find(name), caughtUp: () => this.#inventoryCaughtUp() },
      splits: { operationsMax: 100, bytesMax: 100_000 },
      retryRetentionMs: 3_600_000,
      spoolFolder: this.spoolFolder,
      admin: { topicExists: (name) => this.#topicExists(name) },
      bucketExists: (name) => this.#bucketExists(name),
      objects: this.#objects(),
      resultTopics: this.resultTopics,
      readModel: this.readModel,
      progress: this.progress,
      inventory: {
        service: (name) => this.services.get(name),
        services: () => [...this.services.values()],
        handleOf: (cmHandle) => this.handles.get(cmHandle),
        handleAt: (id) => [...this.handles.values()].find((each) => handleKey(each.alternateId) === handleKey(id)),
        waitFor: () => Promise.resolve(true),
      },
      processes: this.processes,
      definitions: this.definitions,
      workspaces: [],
      execService: 'exec',
      fetchDocument: (url) => Promise.resolve(this.documents.get(url) ?? { ok: false, reason: 'it answered 404' }),
      checkUnit: (service, value) => {
        this.checked.push({ service: service.name, value: JSON.parse(value) as unknown })
        return Promise.resolve(this.unitCheck)
      },
      ...{ clock: this.time, timers: this.time, metrics: this.metrics, version: '0.0.0', apiRoot: null, auth: NO_AUTH },
      logger: pino({ level: 'debug' }, { write: (line) => this.logLines.push(line) }),
      topics: { commands: 'commands', inventory: 'inventory', bulk: 'bulk', results: 'datajob.results' },
      readiness: [],
      ...RULES,
      limits: { ...DEFAULT_REST_LIMITS, ...limits },
      ...others,
    }
  }

  /** From here on what is written can't be read, until {@link resumeReading}. */
  pauseReading(): void {
    this.#reading = false
  }

  async resumeReading(): Promise<void> {
    this.#reading = true
    for (const record of this.#unread.splice(0)) await this.#project(record)
  }

  /** The read model takes the job as the coordinator has written it, and tells who listens. */
  async change(job: Job, version: number): Promise<void> {
    await this.readModel.apply({ changes: [{ type: 'PutJob', job, version }], positions: [] })
    for (const listener of this.#listeners) listener(job.jobId)
  }

  /** The job goes, as its retention ends. */
  async forget(jobId: string): Promise<void> {
    await this.readModel.apply({ changes: [{ type: 'ForgetJob', jobId, at: this.time.now() }], positions: [] })
    for (const listener of this.#listeners) listener(jobId)
  }

  /** Those who listen for changes of jobs. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** Someone else writes a command, by another door. */
  async writeCommand(command: SubmitJob): Promise<void> {
    const partition = (command.jobId ?? '').length % PARTITIONS
    await this.#append({ topic: 'commands', key: command.jobId, value: jsonCodec.encode(command), partition })
  }

  async #send(records: readonly OutputRecord[]): Promise<readonly Position[]> {
    await this.#answered()
    const positions: Position[] = []
    for (const record of records) positions.push(await this.#append(record))
    return positions
  }

  async #openProducer(): ReturnType<ServerDependencies['openLargeProducer']> {
    await this.#answered()
    return { commitAll: (batches) => this.#commitAll(batches), close: () => Promise.resolve() }
  }

  async #commitAll(batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position> {
    const records: OutputRecord[] = []
    for await (const batch of batches) records.push(...batch.map((each) => ({ ...each, value: Buffer.from(each.value ?? '') })))
    const [first] = await this.#send(records)
    if (first === undefined) throw new Error('a transaction without records')
    return first
  }

  #find(name: string): Handle | undefined {
    const handles = [...this.handles.values()].filter(({ alternateId }) => name === alternateId || name.startsWith(`${alternateId}/`))
    const [nearest] = handles.sort((one, other) => other.alternateId.length - one.alternateId.length)
    return nearest === undefined ? undefined : { ...nearest, ready: nearest.state === 'READY' }
  }

  #inventoryCaughtUp(): Promise<boolean> {
    this.onInventoryWait()
    return Promise.resolve(true)
  }

  async #append(record: OutputRecord): Promise<Position> {
    this.written.push(record)
    const { topic, key, value, headers = {}, partition = 0 } = record
    const offset = this.#offsets.get(partition) ?? 0
    this.#offsets.set(partition, offset + 1)
    if (topic === 'inventory') this.#register(key ?? '', value)
    const input = {
      topic,
      partition,
      offset,
      key: Buffer.from(key ?? ''),
      value,
      headers,
      timestampMs: this.time.now(),
    }
    if (!this.#reading) this.#unread.push(input)
    else if (topic === 'commands') await this.#project(input)
    return { topic, partition, offset }
  }

  async #project(record: InputRecord): Promise<void> {
    const decoded = jsonCodec.decode(record.value ?? Buffer.of())
    if (!decoded.ok) throw new Error(decoded.cause)
    const { message } = decoded
    const rules = { ...RULES, homePartition: (jobId: string) => jobId.length % PARTITIONS, attemptsMax: 3 }
    const change = changeOf('commands', record, message, rules)
    await this.readModel.apply({ changes: change === null ? [] : [change], positions: [] })
    for (const listener of this.#listeners) listener(record.key?.toString() ?? '')
  }

  #register(key: string, value: Buffer | null): void {
    const message = value === null ? null : (JSON.parse(value.toString()) as InventoryMessage)
    if (message?.type === 'ServiceRegistered') this.services.set(message.name, message)
    if (message?.type === 'HandleRegistered') this.handles.set(message.cmHandle, message)
    if (message?.type === 'ProcessRegistered') this.processes.put(message)
    if (message?.type === 'DefinitionRegistered') this.definitions.put(message)
    if (message !== null) return
    const [kind, tenant = '', ...id] = key.split('/')
    if (kind === 'process') this.processes.remove(tenant, id.join('/'))
    if (key.startsWith('dmi/')) this.services.delete(key.slice('dmi/'.length))
    for (const { cmHandle, alternateId } of this.handles.values()) {
      if (key === handleKey(alternateId)) this.handles.delete(cmHandle)
    }
  }

  async #topicExists(name: string): Promise<boolean> {
    this.asked.topicExists += 1
    await this.#answered()
    return this.topics.has(name)
  }

  async #caughtUp(): Promise<boolean> {
    await this.#answered()
    return this.#reading
  }

  #objects(): ResultStore {
    return {
      list: ({ bucket, jobId }, { after, limit }) => {
        this.asked.listings += 1
        if (this.storeFailure !== null) return Promise.reject(this.storeFailure)
        const keys = this.stored.get(bucket)
        if (keys === undefined) return Promise.resolve(null)
        const found = keys.filter((key) => key.startsWith(`${jobId}/`) && key > after).sort()
        const items = found.slice(0, limit).map((key) => ({ key, bytes: key.length, etag: `etag of ${key}`, modifiedAt: 1_000 }))
        return Promise.resolve({ items, isLast: found.length <= limit })
      },
      link: (bucket, key) => Promise.resolve({ url: `https://s3.example/${bucket}/${key}?signed`, expiresAt: 2_000 }),
    }
  }

  #bucketExists(name: string): Promise<boolean> {
    this.asked.bucketExists += 1
    return this.storeFailure === null ? Promise.resolve(this.buckets.has(name)) : Promise.reject(this.storeFailure)
  }

  #answered(): Promise<void> {
    if (this.outage === 'silence') return new Promise(() => undefined)
    return this.outage === null ? Promise.resolve() : Promise.reject(this.outage)
  }
}

export const brokerAway = new KafkaFailure('connect ECONNREFUSED', { code: 'CONNECTION_ERROR', disposition: 'retry' })

export interface Submission {
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object | string
}

/** Submits a job, one that reads a single object unless the test says another. */
export function submitTo(app: FastifyInstance, submission: Submission = {}): Promise<LightMyRequestResponse> {
  const { query = '', headers = {}, body = { data: [{ op: 'read', path: '/ManagedElement=1' }] } } = submission
  return app.inject({
    method: 'POST',
    url: `/ranoam/cm/v1/dataJob${query}`,
    payload: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', host: 'jobs.example:8080', ...headers },
  })
}
