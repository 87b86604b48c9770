import type { OutputRecord, RecordProducer } from '../kafka/port.ts'
import type { SimulatedJob, SimulatedOperation } from './simulated-jobs.ts'
import { resultPieces } from './simulated-result.ts'
import type { SimulatedProducerOptions } from './simulation-options.ts'

/** About how large an event becomes; one operation's result is never divided. */
const EVENT_BYTES = 500_000
/** About what a response has beside its result. */
const RESPONSE_BYTES = 400

/** Puts results on a topic instead of into the answer, as plugins do that answer a result call with a `resulturi`. */
export class ResultEvents {
  readonly #options: SimulatedProducerOptions
  readonly #producer: Pick<RecordProducer, 'send'>
  readonly #written = new WeakMap<SimulatedJob, Promise<void>>()

  constructor(options: SimulatedProducerOptions, producer: Pick<RecordProducer, 'send'>) {
    this.#options = options
    this.#producer = producer
  }

  /** Resolves once all of the job's results are on the topic; however often it is called, they are written once. Throws KafkaFailure. */
  async write(id: string, job: SimulatedJob, fails: (operation: SimulatedOperation) => boolean): Promise<void> {
    const written = this.#written.get(job) ?? this.#writeAll(id, job, fails)
    this.#written.set(job, written)
    try {
      await written
    } catch (error) {
      this.#written.delete(job)
      throw error
    }
  }

  async #writeAll(id: string, { jobId, operations }: SimulatedJob, fails: (operation: SimulatedOperation) => boolean): Promise<void> {
    const { resultBytes } = this.#options
    const together = Math.max(1, Math.floor(EVENT_BYTES / (resultBytes + RESPONSE_BYTES)))
    for (let first = 0; first < operations.length; first += together) {
      const value = Buffer.concat([...resultPieces(operations.slice(first, first + together), fails, resultBytes)])
      await this.#producer.send([this.#event(`${id}/${first}`, jobId === '' ? id : jobId, value)])
    }
  }

  #event(id: string, correlationId: string, value: Buffer): OutputRecord {
    const type = 'org.onap.cps.ncmp.events.async1_0_0.DataJobEvent'
    const headers = {
      ...{ ce_specversion: '1.0', ce_id: id, ce_source: `dmi.${this.#options.name}`, ce_type: type },
      ...{ ce_dataschema: `urn:cps:${type}:1.0.0`, ce_correlationid: correlationId, 'content-type': 'application/json' },
    }
    return { topic: this.#options.resultTopic, key: correlationId, value, headers }
  }
}
