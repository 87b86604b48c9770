import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RecordProducer } from '../kafka/port.ts'
import { type Clock, delay, type Timers } from '../runtime/clock.ts'
import { type Random, seededRandom } from '../runtime/random.ts'
import { dmiCallOf, type DmiRoute } from './dmi-route.ts'
import { drained, reply } from './reply.ts'
import { ResultEvents } from './result-events.ts'
import { seedOf, type SimulatedJob, SimulatedJobs, type SimulatedStats } from './simulated-jobs.ts'
import { resultPieces } from './simulated-result.ts'
import type { SimulatedProducerOptions } from './simulation-options.ts'
import { readSubmissionBody } from './submission-body.ts'

/** What `GET /stats` answers. */
interface SimulationStats extends SimulatedStats {
  readonly name: string
  /** Calls of the contract, whatever was answered. */
  readonly httpCalls: number
  /** Calls answered 503 because an option says so. */
  readonly injectedFailures: number
}

export interface SimulationParts {
  readonly clock: Clock
  readonly timers: Timers
  /** Writes results to the topic that the options name; null where they name none. */
  readonly events: Pick<RecordProducer, 'send'> | null
}

/** Answers the calls of the DMI contract from jobs that only pass time. */
export class Simulation {
  readonly #options: SimulatedProducerOptions
  readonly #timers: Timers
  readonly #jobs: SimulatedJobs
  readonly #events: ResultEvents | null
  readonly #submitFailures: Random
  readonly #statusFailures: Random
  readonly #stopped = new AbortController()
  #httpCalls = 0
  #injectedFailures = 0

  constructor(options: SimulatedProducerOptions, { clock, timers, events }: SimulationParts) {
    this.#options = options
    this.#timers = timers
    if (options.resultTopic !== '' && events === null) throw new Error('results on a topic need a producer of records')
    this.#events = options.resultTopic === '' || events === null ? null : new ResultEvents(options, events)
    this.#jobs = new SimulatedJobs(options, clock)
    this.#submitFailures = seededRandom(seedOf(options, 'submits'))
    this.#statusFailures = seededRandom(seedOf(options, 'status'))
  }

  /** Lets nothing wait any longer. */
  stop(): void {
    this.#stopped.abort()
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url } = request
    if (url === '/health') {
      reply(response, 200, { status: 'UP', name: this.#options.name })
      return
    }
    if (url === '/stats') {
      reply(response, 200, this.#stats())
      return
    }
    const call = dmiCallOf(request, response)
    if (call !== null) await this.#call(call, request, response)
  }

  async #call(route: DmiRoute, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#httpCalls += 1
    if (!(await this.#latency())) return
    if (route.type === 'submit') {
      await this.#submit(route.contract, request, response)
      return
    }
    if (route.type === 'status' && this.#statusFailures() < this.#options.failStatus) {
      this.#fail(response)
      return
    }
    const job = this.#jobs.find(route.dataProducerJobId)
    if (job === undefined) {
      reply(response, 404, { message: 'no such job, or it has been forgotten' })
    } else if (route.type === 'status') {
      reply(response, 200, { status: this.#jobs.statusOf(job) })
    } else if (route.type === 'result') {
      await this.#result(route.dataProducerJobId, job, response)
    } else {
      this.#jobs.cancel(route.dataProducerJobId)
      reply(response, 202, { status: 'CANCELLED' })
    }
  }

  /** False when the simulation was stopped meanwhile. */
  async #latency(): Promise<boolean> {
    if (this.#options.latencyMs === 0) return true
    const stopped = this.#stopped.signal
    await delay(this.#timers, this.#options.latencyMs, stopped).catch(() => undefined)
    return !stopped.aborted
  }

  async #submit(contract: 'dataJob' | 'cmJob', request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fails = this.#submitFailures() < this.#options.failSubmits
    // The service that failed after all was done is what an Idempotency-Key is for.
    if (fails && this.#submitFailures() < 0.5) {
      this.#fail(response)
      return
    }
    const body = await readSubmissionBody(request, this.#jobs)
    if (body.type === 'invalid') {
      reply(response, 400, { message: body.message })
      return
    }
    if (body.type === 'no-memory') {
      response.setHeader('retry-after', '1')
      reply(response, 503, { message: `no memory for more operations: --memory-mib is ${this.#options.memoryMib}` })
      return
    }
    if (body.type === 'gone') return
    const key = request.headers['idempotency-key']
    const id = this.#jobs.submit(typeof key === 'string' ? key : undefined, body)
    if (fails) {
      this.#fail(response)
    } else if (contract === 'dataJob') {
      reply(response, 202, { dataProducerJobId: id })
    } else {
      const { dataProducerId } = body
      reply(response, 202, { subJobId: id, dmiServiceName: this.#options.name, dataProducerId })
    }
  }

  async #result(id: string, job: SimulatedJob, response: ServerResponse): Promise<void> {
    const status = this.#jobs.statusOf(job)
    if (status === 'RUNNING') {
      reply(response, 409, { message: 'the job is not finished' })
      return
    }
    const fails = this.#jobs.fails.bind(this.#jobs)
    // Cancelled before its time, it has done none of them: it has nothing to say of any.
    const operations = status === 'CANCELLED' ? [] : job.operations
    if (this.#events !== null && operations.length > 0) {
      await this.#resultOnTopic(this.#events.write(id, job, fails), response)
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    for (const piece of resultPieces(operations, fails, this.#options.resultBytes)) {
      if (!response.write(piece)) await drained(response)
      if (response.destroyed) return
    }
    response.end()
  }

  async #resultOnTopic(written: Promise<void>, response: ServerResponse): Promise<void> {
    const { resultTopic } = this.#options
    try {
      await written
      reply(response, 200, { resulturi: resultTopic })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      reply(response, 503, { message: `the result could not be put on topic ${resultTopic}: ${reason}` })
    }
  }

  #fail(response: ServerResponse): void {
    this.#injectedFailures += 1
    reply(response, 503, { message: 'failed on purpose' })
  }

  #stats(): SimulationStats {
    const { name } = this.#options
    return { name, ...this.#jobs.stats, httpCalls: this.#httpCalls, injectedFailures: this.#injectedFailures }
  }
}
