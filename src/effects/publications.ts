/** Publishes what came of a subjob: fetches its producer's result, or reports one failure for all of its operations. */
import { Readable } from 'node:stream'
import type { Destination } from '../domain/destination.ts'
import { ResponseCode } from '../domain/response-code.ts'
import type { Publication } from '../domain/subjob.ts'
import type { DmiClient, DmiResult, DmiService } from '../dmi/dmi-client.ts'
import { readSubjobResult, responsesIfAny, type ResultLimits, type SubjobResult } from '../dmi/responses.ts'
import type { StageMetrics } from '../observability/metrics.ts'
import { AbortListeners } from '../runtime/abort-listeners.ts'
import { KeptBody } from '../sinks/kept-body.ts'
import { type PublishedResults, type ResultSource, SinkFailure, type SubjobToPublish } from '../sinks/sink.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../stages/dispatcher/subjob-calls.ts'
import { type DmiCalls, failedCall, replyTo, SERVICE_SHARE } from './dmi-calls.ts'
import { GENERATED_BYTES_MAX, type Generators, type ReadResult, readGenerated } from './generations.ts'
import type { NamedPlace, NamedResults } from './named-results.ts'
import { type Party, Places } from './places.ts'
import { ResultMemory } from './result-memory.ts'
import { type SinkChoice, sinkFor, type Sinks } from './sink-choice.ts'

type PublishResult = Extract<DispatcherEffect, { readonly type: 'PublishResult' }>
type Completion = Extract<DispatcherCompletion, { readonly type: 'Published' | 'SinkFailed' | 'CallFailed' }>

/** The producer has put its result elsewhere. */
interface Named extends NamedPlace {
  readonly type: 'Named'
}

/** What a completion has brought for the transaction of its turn. */
interface HeldResult {
  readonly bytes: number
  readonly letGo: () => void
}

interface Task {
  readonly effect: PublishResult
  readonly destination: Destination
  readonly choice: SinkChoice
  readonly signal: AbortSignal
}

export interface PublicationsOptions {
  readonly calls: DmiCalls
  readonly client: DmiClient
  readonly named: Pick<NamedResults, 'find'>
  readonly sinks: Sinks
  readonly destinationOf: (text: string) => Destination
  readonly resultLimits: ResultLimits
  readonly generators: Generators
  readonly resultsInFlightMax: number
  /** Bytes of fetched results that wait to be written, before no more are fetched. */
  readonly waitingBytesMax: number
  readonly metrics: Pick<StageMetrics, 'publications'>
}

/** The part of all results under way that may be on their way into buckets: topics do without the object store. */
const BUCKETS_SHARE = 1 / 4

export class Publications {
  readonly #options: PublicationsOptions
  readonly #places: Places
  readonly #memory: ResultMemory
  readonly #held = new WeakMap<DispatcherCompletion, HeldResult>()
  readonly #lanes = new AbortListeners()

  constructor(options: PublicationsOptions) {
    this.#options = options
    this.#places = new Places(options.resultsInFlightMax)
    this.#memory = new ResultMemory(options.waitingBytesMax)
  }

  async publish(effect: PublishResult, signal: AbortSignal): Promise<Completion> {
    const destination = this.#options.destinationOf(effect.dispatch.destination)
    const choice = sinkFor(this.#options.sinks, destination)
    const task = { effect, destination, choice, signal }
    const fetched = await this.#inPlace(task, () => this.#attempt(effect, choice, signal))
    const completion = fetched.type === 'Named' ? await this.#publishNamed(task, fetched) : fetched
    this.#options.metrics.publications.inc({ sink: destination.type, outcome: outcomeOf(completion) })
    return completion
  }

  /** Bytes that the completion has for the transaction of its turn. */
  bytesOf(completion: DispatcherCompletion): number {
    return this.#held.get(completion)?.bytes ?? 0
  }

  /** What the completion brought was written, and is no longer needed. */
  committed(completion: DispatcherCompletion): void {
    this.#held.get(completion)?.letGo()
  }

  #inPlace<Outcome extends Completion | Named>(
    { effect, destination, signal }: Task,
    attempt: () => Promise<Outcome>,
  ): Promise<Outcome | Completion> {
    return this.#places.run(partiesOf(effect, destination), async () => {
      await this.#memory.room()
      const attempted = await unlessSinkFails(effect, attempt)
      if (attempted.type === 'Named') return attempted
      this.#hold(attempted, bytesOf(attempted, effect), signal)
      return attempted
    })
  }

  // What is waited for is in no place: it takes no connection to the service, and no memory before it comes.
  async #publishNamed(task: Task, named: Named): Promise<Completion> {
    const { effect, destination, choice, signal } = task
    const found = await this.#options.named.find(effect, named, destination, signal)
    if (!found.ok) return found.failed
    const { results, unmentioned } = found
    // There is no body that could be published as it came.
    const body = new KeptBody(Readable.from([]), 0)
    const source: ResultSource = { type: 'responses', responses: Readable.from(results.responses), body }
    return this.#inPlace(task, () => this.#publishRead({ ...effect, unmentioned }, choice, source)).finally(results.release)
  }

  // Until it is written, or the lane that would have written it has ended.
  #hold(completion: Completion, bytes: number, signal: AbortSignal): void {
    if (bytes === 0) return
    if (signal.aborted) {
      this.#held.set(completion, { bytes, letGo: () => undefined })
      return
    }
    const release = this.#memory.hold(bytes)
    const letGo = (): void => {
      this.#lanes.delete(signal, letGo)
      release()
    }
    this.#lanes.add(signal, letGo)
    this.#held.set(completion, { bytes, letGo })
  }

  async #attempt(effect: PublishResult, choice: SinkChoice, signal: AbortSignal): Promise<Completion | Named> {
    if (effect.source.type === 'result') return this.#fetchAndPublish(effect, choice, signal)
    return published(effect, await choice.sink.publish(subjobOf(effect, choice), effect.source))
  }

  async #fetchAndPublish(effect: PublishResult, choice: SinkChoice, signal: AbortSignal): Promise<Completion | Named> {
    const { calls, client } = this.#options
    const line = calls.line(effect)
    if (!line.ok) return line.failed
    const { source } = effect
    if (source.type !== 'result') throw new Error('broken invariant: only a result is fetched')
    const result = await client.result(line.service, line.call, source.dataProducerJobId, signal)
    if (!result.ok) return failedCall(effect, result)
    try {
      const content = await this.#contentOf(result, choice)
      if (content.type === 'resulturi') return { type: 'Named', resulturi: content.resulturi, idempotencyKey: line.call.idempotencyKey }
      return await this.#publishRead(effect, choice, content)
    } catch (error) {
      return this.#brokenOff(effect, line.service, error)
    } finally {
      result.close()
    }
  }

  async #publishRead(effect: PublishResult, choice: SinkChoice, content: ResultSource): Promise<Completion> {
    // Few yield anything, and each of these has one operation.
    const [operation] = effect.dispatch.generator === null ? [] : effect.operations.load()
    const read = await readGenerated(effect.dispatch, operation, content, this.#options.generators)
    return published(effect, await choice.sink.publish(subjobOf(effect, choice), read.source), read)
  }

  async #contentOf(
    { whole, chunks, contentType }: DmiResult,
    { sink }: SinkChoice,
  ): Promise<ResultSource | Extract<SubjobResult, { type: 'resulturi' }>> {
    const responses = whole === null ? null : responsesIfAny(whole, this.#options.resultLimits)
    if (whole !== null && responses !== null) {
      return { type: 'responses', responses, body: KeptBody.whole(whole, sink.bodyBytesMax) }
    }
    const body = new KeptBody(chunks, sink.bodyBytesMax)
    const result = await readSubjobResult(body, contentType, this.#options.resultLimits)
    return result.type === 'responses' ? { ...result, body } : result
  }

  // What a stream ends with has a code or is ours; anything else is a defect here, which must not look like a bad network.
  #brokenOff(effect: PublishResult, service: DmiService, error: unknown): Completion {
    const explained = error instanceof Error && ('code' in error || error.name === 'AbortError')
    if (!explained || error instanceof SinkFailure) throw error
    return failedCall(effect, this.#options.client.resultFailure(service, error))
  }
}

async function unlessSinkFails<Outcome>(effect: PublishResult, attempt: () => Promise<Outcome>): Promise<Outcome | Completion> {
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof SinkFailure)) throw error
    const failure = { disposition: error.disposition, code: ResponseCode.UnknownError, message: error.message }
    return { type: 'SinkFailed', ...replyTo(effect), failure }
  }
}

// Operations that failed are written as well, for another run: a part of them as large as they are many.
function bytesOf(completion: Completion, { operations }: PublishResult): number {
  switch (completion.type) {
    case 'Published': {
      const { records, failedOperations, generated } = completion
      const failedBytes = operations.count === 0 ? 0 : (operations.bytes * failedOperations.length) / operations.count
      const generatedBytes = generated === null ? 0 : GENERATED_BYTES_MAX
      return records.reduce((sum, { value }) => sum + (value?.length ?? 0), failedBytes + generatedBytes)
    }
    case 'SinkFailed':
      return completion.failure.disposition === 'reject' ? operations.bytes : 0
    case 'CallFailed':
      return 0
  }
}

// A service's results for buckets have places of their own: where the object store hangs, those for topics still go out.
function partiesOf({ source, dispatch }: PublishResult, { type }: Destination): readonly Party[] {
  const service = source.type === 'result' ? [{ name: `${type} of ${dispatch.service}`, share: SERVICE_SHARE }] : []
  return type === 'bucket' ? [...service, { name: 'buckets', share: BUCKETS_SHARE }] : service
}

function subjobOf({ dispatch, operations, unmentioned }: PublishResult, { name }: SinkChoice): SubjobToPublish {
  const { jobId, index, run, service, traceparent } = dispatch
  return { jobId, index, run, service, destination: name, traceparent, operations: operations.load(), unmentioned }
}

function published(
  effect: PublishResult,
  { records, object, succeeded, failed, failedOperations, message }: PublishedResults,
  read: Pick<ReadResult, 'generated' | 'records'> = { generated: null, records: [] },
): Completion {
  const publication: Publication = { succeeded, failed, object, message }
  // What can't be told of has not succeeded, and yields nothing.
  const { generated, records: others } = failed === 0 ? read : { generated: null, records: [] }
  return { type: 'Published', ...replyTo(effect), records: [...records, ...others], publication, failedOperations, generated }
}

function outcomeOf(completion: Completion): string {
  return completion.type === 'Published' ? 'ok' : completion.failure.disposition
}
