/** Results that a plugin does not answer with but puts on a topic of its own, which its answer names. */
import type { Destination } from '../domain/destination.ts'
import { ResponseCode } from '../domain/response-code.ts'
import { KafkaFailure } from '../kafka/port.ts'
import type { Clock } from '../runtime/clock.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../stages/dispatcher/subjob-calls.ts'
import { replyTo } from './dmi-calls.ts'
import type { InternalTopics, TopicResults } from './internal-topics/internal-topics.ts'
import { namedTopicOf, type NamedTopicRules } from './internal-topics/named-topic.ts'

type PublishResult = Extract<DispatcherEffect, { readonly type: 'PublishResult' }>
type Failed = Extract<DispatcherCompletion, { readonly type: 'SinkFailed' | 'CallFailed' }>

export interface NamedResultsOptions {
  readonly topics: Pick<InternalTopics, 'collect'>
  readonly rules: NamedTopicRules
  readonly clock: Clock
  /** How long results are waited for after the plugin has named the topic. */
  readonly waitMs: number
}

/** The producer's answer: where it has put its result. */
export interface NamedPlace {
  readonly resulturi: string
  /** What the producer was handed the subjob with. */
  readonly idempotencyKey: string
}

export type FoundResults =
  | { readonly ok: true; readonly results: TopicResults; readonly unmentioned: NonNullable<PublishResult['unmentioned']> }
  | { readonly ok: false; readonly failed: Failed }

export class NamedResults {
  readonly #options: NamedResultsOptions

  constructor(options: NamedResultsOptions) {
    this.#options = options
  }

  /** What the producer of the subjob has written where its answer points. */
  async find(effect: PublishResult, place: NamedPlace, destination: Destination, signal: AbortSignal): Promise<FoundResults> {
    const { topics, rules } = this.#options
    const { source, calledSince, dispatch, operations } = effect
    if (source.type !== 'result') throw new Error('broken invariant: only a result is elsewhere')
    const named = namedTopicOf(place.resulturi, destination, rules)
    if (!named.ok) return { ok: false, failed: refused(effect, named.message) }
    const { topic } = named
    const { jobId, run, service } = dispatch
    const correlationIds = [...new Set([jobId, place.idempotencyKey, source.dataProducerJobId])]
    const waitMs = this.#waitMs(effect)
    try {
      const certainSince = run === 1 ? null : calledSince
      const subjob = { correlationIds, service, operations, certainSince }
      const results = await topics.collect({ ...subjob, topic, since: calledSince, waitMs, signal })
      const message = `no event on topic "${topic}" mentions the operation, ${waitMs} ms after the producer named the topic`
      return { ok: true, results, unmentioned: effect.unmentioned ?? { code: ResponseCode.UnknownError, message } }
    } catch (error) {
      if (!(error instanceof KafkaFailure)) throw error
      return { ok: false, failed: unreadable(effect, topic, error) }
    }
  }

  #waitMs({ dispatch }: PublishResult): number {
    const { waitMs, clock } = this.#options
    return dispatch.deadlineAt === null ? waitMs : Math.max(0, Math.min(waitMs, dispatch.deadlineAt - clock.now()))
  }
}

function refused(effect: PublishResult, message: string): Failed {
  const { service, kind } = effect.dispatch
  const code = kind === 'READ' ? ResponseCode.UnableToRead : ResponseCode.UnknownError
  const failure = { disposition: 'reject', code, message: `DMI service "${service}", result: ${message}` } as const
  return { type: 'CallFailed', ...replyTo(effect), failure, retryAfterMs: 0 }
}

// A broker that is away is waited for, as a destination is: it is not the producer's fault.
function unreadable(effect: PublishResult, topic: string, { code, disposition, message }: KafkaFailure): Failed {
  if (code === 'UNKNOWN_TOPIC_OR_PARTITION') return refused(effect, `topic "${topic}", which it names, does not exist`)
  if (disposition === 'reject' || disposition === 'fatal') return refused(effect, `topic "${topic}" can't be read: ${message}`)
  const failure = { disposition: 'retry', code: ResponseCode.UnknownError, message: `topic "${topic}" can't be read: ${message}` } as const
  return { type: 'SinkFailed', ...replyTo(effect), failure }
}
