import { describe, expect, it } from 'vitest'
import { exampleDispatch, exampleRoutedOperation } from '../../test/fakes/domain-examples.ts'
import type { Destination } from '../domain/destination.ts'
import { type Disposition, KafkaFailure } from '../kafka/port.ts'
import { HeapOperations } from '../stages/operation-store.ts'
import type { DispatcherEffect } from '../stages/dispatcher/subjob-calls.ts'
import type { CollectRequest, TopicResults } from './internal-topics/internal-topics.ts'
import { NamedResults } from './named-results.ts'

type PublishResult = Extract<DispatcherEffect, { readonly type: 'PublishResult' }>

const NOW = 100_000
const { signal } = new AbortController()
const found: TopicResults = { responses: [], release: () => undefined }
const { operations: _, ...dispatch } = exampleDispatch()

function effectOf(changes: Partial<PublishResult['dispatch']> = {}, unmentioned: PublishResult['unmentioned'] = null): PublishResult {
  return {
    ...{ type: 'PublishResult', subjobId: 'job-1/0', run: 1, attempt: 1, dispatch: { ...dispatch, ...changes } },
    ...{ operations: new HeapOperations([exampleRoutedOperation()]), calledSince: 7, unmentioned },
    source: { type: 'result', dataProducerJobId: 'dpj' },
  }
}

/** What is found for an answer, and what was asked of the topics for it. */
async function find(
  resulturi: string,
  effect = effectOf(),
  { allowed = ['*'], destination = { type: 'none' }, failure }: { allowed?: string[]; destination?: Destination; failure?: Error } = {},
) {
  const asked: CollectRequest[] = []
  const named = new NamedResults({
    topics: {
      collect: (request) => {
        asked.push(request)
        return failure === undefined ? Promise.resolve(found) : Promise.reject(failure)
      },
    },
    ...{ rules: { allowed, topicPrefix: 'datajob.' }, clock: { now: () => NOW }, waitMs: 60_000 },
  })
  const outcome = await named.find(effect, { resulturi, idempotencyKey: 'job-1/0' }, destination, signal)
  return { outcome, asked }
}

describe('the place that a producer names', () => {
  it.each([['internal'], ['kafka:internal']])('may be %s', async (resulturi) => {
    const { asked } = await find(resulturi)
    expect(asked).toMatchObject([{ topic: 'internal', correlationIds: ['job-1', 'job-1/0', 'dpj'], since: 7, waitMs: 60_000 }])
  })

  it.each([
    ['datajob.jobs', "is no topic's name, or is one of ours"],
    ['kafka:__consumer_offsets', "is no topic's name, or is one of ours"],
    ['s3:bucket', "is no topic's name, or is one of ours"],
    ['http://host/topic', "is no topic's name, or is one of ours"],
    ['..', "is no topic's name, or is one of ours"],
    ['x'.repeat(250), "is no topic's name, or is one of ours"],
    ['results', "is the job's own destination"],
    ['other', 'is not allowed: DATAJOB_RESULT_TOPICS names what is'],
  ])('may not be %s', async (resulturi, why) => {
    const rules = { allowed: ['results', 'dmi-*'], destination: { type: 'topic', name: 'results' } } as const
    const { outcome, asked } = await find(resulturi, effectOf(), { ...rules, allowed: [...rules.allowed] })
    expect(asked).toEqual([])
    expect(outcome).toMatchObject({ ok: false, failed: { type: 'CallFailed', failure: { disposition: 'reject' } } })
    expect(JSON.stringify(outcome)).toContain(why)
  })

  it.each([['dmi-north', 'dmi-*'], ['exact', 'exact'], ['anything', '*']])('may be %s where %s is allowed', async (topic, allowed) => {
    expect((await find(topic, effectOf(), { allowed: [allowed] })).outcome.ok).toBe(true)
  })
})

describe('the results of a subjob', () => {
  it('are waited for no longer than to the deadline of its job', async () => {
    expect((await find('internal', effectOf({ deadlineAt: NOW + 5_000 }))).asked).toMatchObject([{ waitMs: 5_000 }])
    expect((await find('internal', effectOf({ deadlineAt: NOW - 5_000 }))).asked).toMatchObject([{ waitMs: 0 }])
  })

  it('of a second run are told from those of the first by the time of the call', async () => {
    expect((await find('internal')).asked).toMatchObject([{ certainSince: null }])
    expect((await find('internal', effectOf({ run: 2 }))).asked).toMatchObject([{ certainSince: 7 }])
  })

  it('that are not there are explained by why it was stopped, else by where and how long was looked', async () => {
    const stopped = { code: 104, message: 'it was cancelled' } as const
    expect((await find('internal', effectOf({}, stopped))).outcome).toMatchObject({ unmentioned: stopped })
    const message = 'no event on topic "internal" mentions the operation, 60000 ms after the producer named the topic'
    expect((await find('internal')).outcome).toMatchObject({ unmentioned: { code: 108, message } })
  })

  it.each([
    ['reject', 'TOPIC_AUTHORIZATION_FAILED', 'CallFailed', 'reject'],
    ['fatal', 'RECORDS_UNREADABLE', 'CallFailed', 'reject'],
    ['restart', 'CONNECTION_FAILED', 'SinkFailed', 'retry'],
    ['retry', 'METADATA_NOT_LOADED', 'SinkFailed', 'retry'],
  ] as const)('on a topic that fails with %s (%s) are a %s', async (disposition: Disposition, code, type, expected) => {
    const failure = new KafkaFailure('no', { code, disposition })
    const { outcome } = await find('internal', effectOf(), { failure })
    expect(outcome).toMatchObject({ ok: false, failed: { type, failure: { disposition: expected } } })
  })

  it('that fail for a defect of ours are the fault of nobody else', async () => {
    await expect(find('internal', effectOf(), { failure: new Error('a defect') })).rejects.toThrow('a defect')
  })
})
