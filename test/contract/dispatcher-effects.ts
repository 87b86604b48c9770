/** What becomes of a dispatcher's effects, whatever its producers' plugin does: by HTTP, or in the simulation. */
import { describe, expect, it } from 'vitest'
import { ResponseCode } from '../../src/domain/response-code.ts'
import type { OutputRecord } from '../../src/kafka/port.ts'
import { delay, type Timers } from '../../src/runtime/clock.ts'
import { HeapOperations } from '../../src/stages/operation-store.ts'
import type { EffectRunner } from '../../src/stages/stage.ts'
import type { Call, DispatcherCompletion, DispatcherEffect } from '../../src/stages/dispatcher/subjob-calls.ts'
import { exampleDispatch, exampleRoutedOperation } from '../fakes/domain-examples.ts'

/** How the plugin answers: 429 with `Retry-After: 2`; a refusal for good; never. */
export type PluginMood = 'well' | 'busy' | 'refusing' | 'silent'

export interface EffectsUnderTest {
  readonly run: EffectRunner<DispatcherEffect, DispatcherCompletion>
  readonly timers: Timers
  /** The operations that a record to the destination reports on. */
  readonly reportedIn: (record: OutputRecord) => readonly (string | number)[]
}

/** The plugin works on operations 1 to 5, and fails the one with this number, whose path ends with it. */
const OPERATIONS = [1, 2, 3, 4, 5]
const FAILING = 4
const TOPIC = 'results'
const POLL_MS = 20

const operations = OPERATIONS.map((operationId) => exampleRoutedOperation({ operationId, path: `/Cell=${operationId}` }))
const { signal } = new AbortController()

function callTo(destination: string): Call {
  const { operations: _, ...dispatch } = exampleDispatch({ jobId: 'job-1', index: 0, destination })
  return { subjobId: 'job-1/0', run: 1, attempt: 2, dispatch, operations: new HeapOperations(operations) }
}

const toTopic = callTo(`kafka:${TOPIC}`)
const reply = { subjobId: 'job-1/0', run: 1, attempt: 2 }
const refused = { type: 'failure', code: ResponseCode.ServiceNotResponding, message: 'no answer' } as const

function publishing(call: Call, source: Extract<DispatcherEffect, { readonly type: 'PublishResult' }>['source']): DispatcherEffect {
  return { type: 'PublishResult', ...call, source, calledSince: 0, unmentioned: null }
}

/** `start` is called within a test, and ends what it starts when the test does. */
export function exerciseDispatcherEffects(name: string, start: (mood: PluginMood) => Promise<EffectsUnderTest>): void {
  describe(`the effects of a dispatcher ${name}`, () => {
    const submitted = async ({ run }: EffectsUnderTest, call: Call): Promise<string> => {
      const completion = await run({ type: 'SubmitSubjob', ...call }, signal)
      expect(completion).toMatchObject({ type: 'Submitted', ...reply })
      return completion.type === 'Submitted' ? completion.dataProducerJobId : ''
    }

    const finished = async (tested: EffectsUnderTest, call: Call): Promise<string> => {
      const dataProducerJobId = await submitted(tested, call)
      for (;;) {
        const completion = await tested.run({ type: 'PollSubjob', ...call, dataProducerJobId }, signal)
        if (completion.type !== 'Polled') throw new Error(`a poll was answered ${completion.type}`)
        if (completion.status === 'finished') return dataProducerJobId
        await delay(tested.timers, POLL_MS)
      }
    }

    it('submit a subjob; submitted again, it is the same work', async () => {
      const tested = await start('well')
      const id = await submitted(tested, toTopic)
      expect(id).not.toBe('')
      expect(await submitted(tested, toTopic)).toBe(id)
    })

    it('publish what a producer that has finished says of each operation, once', async () => {
      const tested = await start('well')
      const dataProducerJobId = await finished(tested, toTopic)
      const completion = await tested.run(publishing(toTopic, { type: 'result', dataProducerJobId }), signal)
      expect(completion).toMatchObject({ type: 'Published', ...reply, publication: { succeeded: 4, failed: 1, object: null } })
      if (completion.type !== 'Published') return
      expect(completion.failedOperations).toEqual(operations.filter(({ operationId }) => operationId === FAILING))
      expect(completion.records.map(({ topic, key }) => [topic, key])).toEqual(completion.records.map(() => [TOPIC, 'job-1']))
      expect(completion.records.flatMap(tested.reportedIn)).toEqual(OPERATIONS)
    })

    it('publish a failure for all operations, without a word to the plugin', async () => {
      const tested = await start('silent')
      const completion = await tested.run(publishing(toTopic, refused), signal)
      const publication = { succeeded: 0, failed: 5 }
      expect(completion).toMatchObject({ type: 'Published', ...reply, publication, failedOperations: operations })
      if (completion.type === 'Published') expect(completion.records.flatMap(tested.reportedIn)).toEqual(OPERATIONS)
    })

    it.each([
      ['busy', { disposition: 'retry', code: ResponseCode.SouthboundBusy }, 2_000],
      ['silent', { disposition: 'retry', code: ResponseCode.ServiceNotResponding }, 0],
      ['refusing', { disposition: 'reject' }, 0],
    ] as const)('say of a %s plugin whether to call again, and when', async (mood, failure, retryAfterMs) => {
      const tested = await start(mood)
      const failed = { type: 'CallFailed', ...reply, failure, retryAfterMs }
      expect(await tested.run({ type: 'SubmitSubjob', ...toTopic }, signal)).toMatchObject(failed)
      expect(await tested.run({ type: 'PollSubjob', ...toTopic, dataProducerJobId: 'id' }, signal)).toMatchObject(failed)
      expect(await tested.run(publishing(toTopic, { type: 'result', dataProducerJobId: 'id' }), signal)).toMatchObject(failed)
    })

    it.each([
      ['well', false],
      ['busy', true],
      ['silent', true],
      ['refusing', false],
    ] as const)('ask a plugin that is %s to stop; again is %s', async (mood, again) => {
      const tested = await start(mood)
      const dataProducerJobId = mood === 'well' ? await submitted(tested, toTopic) : 'id'
      const completion = await tested.run({ type: 'CancelSubjob', ...toTopic, dataProducerJobId }, signal)
      expect(completion).toEqual({ type: 'CancelAnswered', ...reply, again })
    })

    it('are of no interest once the operations of their subjob were released', async () => {
      const tested = await start('well')
      const late = callTo(`kafka:${TOPIC}`)
      late.operations.release()
      const nothing = { type: 'CancelAnswered', ...reply, again: false }
      expect(await tested.run({ type: 'SubmitSubjob', ...late }, signal)).toEqual(nothing)
      expect(await tested.run(publishing(late, refused), signal)).toEqual(nothing)
    })
  })
}
