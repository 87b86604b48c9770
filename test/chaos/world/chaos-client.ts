/** Clients that submit jobs through every door, whatever breaks, and remember what they were answered. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Partitioners, type Producer } from 'kafkajs'
import type { Codec } from '../../../src/codec/codec.ts'
import type { SubmitJob } from '../../../src/domain/messages.ts'
import type { NcmpJob } from '../../../src/rest/dialects/ncmp/schemas.ts'
import type { Chaos } from '../../harness/chaos.ts'
import type { Installation } from '../../harness/installation.ts'
import { bodyOf, type PlannedJob } from '../../harness/planned-job.ts'
import type { Answer, ServiceClient } from '../../harness/service-client.ts'
import { type ChaosJob, drawJob, type JobPlaces } from './chaos-job.ts'
import type { ServiceSlot } from './service-slot.ts'

export interface ChaosClientOptions {
  readonly installation: Installation
  readonly slots: readonly ServiceSlot[]
  readonly codec: Codec
}

export interface Submissions {
  readonly jobs: readonly ChaosJob[]
  /** What no client should ever be answered. */
  readonly complaints: readonly string[]
  readonly answers: Readonly<Record<string, number>>
}

const REQUEST_MS_MAX = 15_000
const AGAIN_MS = 400
/** Operations of jobs that may not have ended, before clients wait. */
const OPEN_OPERATIONS_MAX = 40_000
const ENDED: readonly string[] = ['FINISHED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLED']

export class ChaosClient {
  readonly #options: ChaosClientOptions
  readonly #producer: Producer
  readonly #jobs: ChaosJob[] = []
  readonly #complaints: string[] = []
  readonly #answers: Record<string, number> = {}
  readonly #open = new Map<ChaosJob, number>()
  #names = 0

  constructor(options: ChaosClientOptions) {
    this.#options = options
    this.#producer = options.installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true })
  }

  async connect(): Promise<void> {
    await this.#producer.connect()
  }

  async close(): Promise<void> {
    await this.#producer.disconnect()
  }

  /** What was submitted since the last call. */
  take(): Submissions {
    this.#open.clear()
    return { jobs: this.#jobs.splice(0), complaints: this.#complaints.splice(0), answers: this.#answers }
  }

  /** Submits one job after the other until it is stopped; resolves when the last one was sent and its errands are done. */
  async work(chaos: Chaos, places: JobPlaces, stop: AbortSignal): Promise<void> {
    const errands: Promise<void>[] = []
    const isOver = (): boolean => stop.aborted
    while (!isOver()) {
      const job = drawJob(chaos, places, `job-${(this.#names += 1)}`)
      this.#jobs.push(job)
      this.#open.set(job, job.planned.operations.length)
      await this.#submit(job, chaos, stop)
      errands.push(this.#errand(job, chaos.between(0, 4_000), stop))
      await sleep(chaos.between(100, 1_200))
      while (!isOver() && this.#openOperations() > OPEN_OPERATIONS_MAX) await sleep(AGAIN_MS)
    }
    await Promise.all(errands)
  }

  /**
   * Finds out what became of jobs whose submission had no clear answer: sends them again, or asks for them. Releases those that are held
   * yet.
   */
  async settle(jobs: readonly ChaosJob[], giveUp: AbortSignal): Promise<void> {
    for (const job of jobs) {
      while (job.state === 'unclear' && !giveUp.aborted) {
        if (job.errand === 'deadline') await this.#lookFor(job)
        else await this.#send(job, this.#anyone(0))
        await sleep(AGAIN_MS)
      }
      while (job.state === 'accepted' && job.errand === 'hold' && !job.releaseTaken && !giveUp.aborted) await this.#release(job)
    }
  }

  #openOperations(): number {
    let sum = 0
    for (const operations of this.#open.values()) sum += operations
    return sum
  }

  async #submit(job: ChaosJob, chaos: Chaos, stop: AbortSignal): Promise<void> {
    while (job.state === 'unsent' || (job.state === 'unclear' && job.errand !== 'deadline')) {
      await this.#send(job, this.#anyone(chaos.between(0, 99)))
      if (stop.aborted) return
      await sleep(AGAIN_MS)
    }
  }

  #anyone(n: number): ServiceClient | null {
    const clients = this.#options.slots.flatMap(({ client }) => client ?? [])
    return clients[n % Math.max(1, clients.length)] ?? null
  }

  async #send(job: ChaosJob, client: ServiceClient | null): Promise<void> {
    if (job.door === 'JSON record' || job.door === 'Avro record') {
      await this.#produce(job)
      return
    }
    if (client === null) return
    const { planned, door, deadlineMs, errand, name } = job
    const { jobId, ...keyed } = bodyOf(planned) as { jobId: string; data: unknown }
    const byKey = door === 'Idempotency-Key'
    const query = new URLSearchParams(planned.destination === null ? {} : { destination: planned.destination })
    if (errand === 'deadline') query.set('deadline', new Date(Date.now() + deadlineMs).toISOString())
    const answer = await this.#ask(client, 'POST', `?${query.toString()}`, {
      body: byKey ? keyed : { jobId, ...keyed },
      headers: byKey ? { 'idempotency-key': `${name} of ${this.#options.installation.prefix}` } : {},
    })
    this.#answered(job, answer)
  }

  #answered(job: ChaosJob, answer: Answer | null): void {
    if (answer === null) {
      job.state = 'unclear'
      return
    }
    const { status, body, headers } = answer
    this.#answers[status] = (this.#answers[status] ?? 0) + 1
    const { jobId } = body as { readonly jobId?: string }
    if (status === 202 && jobId !== undefined) {
      if (job.state === 'accepted' && jobId !== job.planned.jobId) this.#complain(job, `was ${job.planned.jobId} and is ${jobId}`)
      job.planned = { ...job.planned, jobId }
      job.state = 'accepted'
    } else if (status === 503) {
      if (headers.get('retry-after') === null) this.#complain(job, 'was answered 503 without Retry-After')
      // What it was told may be about a command that is on its way all the same.
      job.state = 'unclear'
    } else if (job.errand === 'deadline' && /deadline.*has passed/.test(JSON.stringify(body))) {
      if (job.state === 'unsent') job.state = 'refused'
    } else {
      this.#complain(job, `was answered ${status}: ${JSON.stringify(body)}`)
      if (job.state === 'unsent') job.state = 'refused'
    }
  }

  async #lookFor(job: ChaosJob): Promise<void> {
    const client = this.#anyone(0)
    const answer = client === null ? null : await this.#ask(client, 'GET', `/${encodeURIComponent(job.planned.jobId)}`)
    if (answer?.status === 200) job.state = 'accepted'
    else if (answer?.status === 404) job.state = 'refused'
  }

  async #ask(client: ServiceClient, method: string, path: string, options: object = {}): Promise<Answer | null> {
    const url = `/ranoam/cm/v1/dataJob${path}`
    return client.request(method, url, { ...options, timeoutMs: REQUEST_MS_MAX }).catch(() => null)
  }

  async #produce(job: ChaosJob): Promise<void> {
    const { planned, door } = job
    const held = job.errand === 'hold'
    const value = door === 'JSON record' ? jsonOf(planned, held) : this.#options.codec.encode(avroOf(planned, held))
    const topic = `${this.#options.installation.prefix}commands`
    try {
      await this.#producer.send({ topic, acks: -1, messages: [{ key: planned.jobId, value }] })
      job.state = 'accepted'
    } catch {
      job.state = 'unclear'
    }
  }

  async #errand(job: ChaosJob, afterMs: number, stop: AbortSignal): Promise<void> {
    await sleep(afterMs)
    if (job.state !== 'accepted') return
    if (job.errand === 'send again') await this.#send(job, this.#anyone(afterMs))
    if (job.errand === 'cancel') await this.#cancel(job, afterMs)
    if (job.errand === 'hold') await this.#hold(job, afterMs)
    const ended = await this.#ended(job, stop)
    this.#open.delete(job)
    if (job.errand === 'retry' && ended) await this.#retry(job, afterMs)
  }

  async #cancel(job: ChaosJob, n: number): Promise<void> {
    const client = this.#anyone(n)
    if (client === null) return
    // Whatever the answer is, it may be under way.
    job.cancelAsked = true
    const answer = await this.#ask(client, 'DELETE', `/${encodeURIComponent(job.planned.jobId)}`)
    if (answer !== null && ![202, 409, 503].includes(answer.status)) this.#complain(job, `its cancellation: ${answer.status}`)
  }

  /** Looks whether it waits, and releases it; every other time once more. */
  async #hold(job: ChaosJob, n: number): Promise<void> {
    const client = this.#anyone(n)
    const answer = client === null ? null : await this.#ask(client, 'GET', `/${encodeURIComponent(job.planned.jobId)}`)
    if (answer?.status === 200) {
      const { status, counts } = answer.body as NcmpJob
      const { succeeded, failed } = counts.operations
      if (status !== 'NOT_STARTED' || succeeded + failed > 0) this.#complain(job, `is ${status}, and nobody has released it`)
    }
    for (let times = 1 + (n % 2); times > 0; times -= 1) await this.#release(job)
  }

  async #release(job: ChaosJob): Promise<void> {
    const { jobId } = job.planned
    const value = Buffer.from(JSON.stringify({ type: 'ReleaseJob', jobId }))
    const topic = `${this.#options.installation.prefix}commands`
    await this.#producer.send({ topic, acks: -1, messages: [{ key: jobId, value }] }).then(
      () => { job.releaseTaken = true },
      () => sleep(AGAIN_MS),
    )
  }

  async #retry(job: ChaosJob, n: number): Promise<void> {
    const client = this.#anyone(n)
    if (client === null) return
    const answer = await this.#ask(client, 'POST', `/${encodeURIComponent(job.planned.jobId)}/retry`)
    if (answer?.status === 202) job.retriesTaken += 1
    else if (answer === null || answer.status === 503) job.retriesUnclear += 1
    else if (answer.status !== 409) this.#complain(job, `trying again: ${answer.status}`)
  }

  async #ended(job: ChaosJob, stop: AbortSignal): Promise<boolean> {
    for (let n = 0; !stop.aborted; n += 1) {
      const client = this.#anyone(n)
      const answer = client === null ? null : await this.#ask(client, 'GET', `/${encodeURIComponent(job.planned.jobId)}`)
      // A record's job is there once the coordinator's partition has come to it; one that was answered 202 always is.
      if (answer?.status === 404) this.#complain(job, 'was accepted, and is 404')
      if (answer?.status === 200 && ENDED.includes((answer.body as NcmpJob).status)) return true
      await sleep(AGAIN_MS)
    }
    return false
  }

  #complain(job: ChaosJob, what: string): void {
    this.#complaints.push(`job ${job.planned.jobId} (${job.door}) ${what}`)
  }
}

function jsonOf({ jobId, destination, operations }: PlannedJob, held: boolean): Buffer {
  const sent = operations.map(({ operationId, op, path, value }) => ({ operationId, op, path, ...(value === undefined ? {} : { value }) }))
  return Buffer.from(JSON.stringify({ jobId, destination, operations: sent, ...(held ? { held } : {}) }))
}

function avroOf({ jobId, kind, destination, operations }: PlannedJob, held: boolean): SubmitJob {
  return {
    ...{ type: 'SubmitJob', jobId, tenant: 'default', dialect: 'kafka', dialectData: null, kind, destination },
    dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
    dataContentType: 'application/3gpp-json-patch+json',
    ...{ priority: 100, labels: {}, deadlineAt: null, attemptsMax: null, submittedBy: null },
    ...{ traceparent: null, digest: '', createdAt: null },
    operations: operations.map(({ operationId, op, path, value }) => {
      return { operationId, op, path, value: value === undefined ? null : JSON.stringify(value), options: null }
    }),
    dependencies: [],
    groups: [],
    ...{ strict: false, authorization: null, submission: null, parts: 0, operationCount: 0, callbacks: {}, held },
  }
}

