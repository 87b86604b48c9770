import { describe, expect, it } from 'vitest'
import { ResponseCode } from './response-code.ts'
import {
  codeOfCallFailure, decideSubjob, durableSubjobEvents, evolveSubjob, newSubjob, type Subjob, type SubjobCommand, type SubjobEvent,
  type SubjobState, subjobTransitions,
} from './subjob.ts'

const limits = { attemptsMax: 2, callFailuresMax: 3 }
const started = { number: 1, worker: 'w1', startedAt: 10 }
const failedAttempt = { ...started, endedAt: 20, outcome: 'failed', code: ResponseCode.ServiceNotResponding, message: 'timeout' } as const
const publication = { succeeded: 2, failed: 0, object: null, message: null }
const retriable = { disposition: 'retry', code: ResponseCode.ServiceNotResponding, message: 'timeout' } as const
const hopeless = { disposition: 'reject', code: ResponseCode.Rejected, message: 'HTTP 400' } as const

const stop = { reason: 'cancelled', code: ResponseCode.Rejected, message: 'cancelled', giveUpAt: 90 } as const

const queued = newSubjob()
const submitting = evolveSubjob(queued, { type: 'AttemptStarted', attempt: started })
const polling = evolveSubjob(submitting, { type: 'SubjobSubmitted', dataProducerJobId: 'dpj' })
const publishingResult = evolveSubjob(polling, { type: 'ProducerFinished' })
const publishingFailure = evolveSubjob(queued, { type: 'SubjobFailed', code: ResponseCode.HandleNotFound, message: 'unknown' })
const ended = evolveSubjob(publishingFailure, {
  type: 'SubjobEnded',
  end: { ...publication, outcome: 'succeeded', at: 30 },
})

const examples = {
  'queued': queued,
  'queued again': evolveSubjob(polling, { type: 'AttemptFailed', attempt: failedAttempt }),
  'submitting': submitting,
  'submitting, stopped': evolveSubjob(submitting, { type: 'SubjobStopped', stop }),
  'polling': polling,
  'polling, stopped': evolveSubjob(polling, { type: 'SubjobStopped', stop }),
  'publishing a result': publishingResult,
  'publishing a failure': publishingFailure,
  'ended': ended,
} as const satisfies Record<string, Subjob>

type Example = keyof typeof examples

const events: { readonly [Type in SubjobEvent['type']]: Extract<SubjobEvent, { type: Type }> } = {
  AttemptStarted: { type: 'AttemptStarted', attempt: started },
  SubjobSubmitted: { type: 'SubjobSubmitted', dataProducerJobId: 'dpj' },
  CallFailed: { type: 'CallFailed' },
  PollAnswered: { type: 'PollAnswered' },
  ProducerFinished: { type: 'ProducerFinished' },
  PublicationFailed: { type: 'PublicationFailed' },
  SubjobStopped: { type: 'SubjobStopped', stop },
  AttemptFailed: { type: 'AttemptFailed', attempt: failedAttempt },
  SubjobRequeued: { type: 'SubjobRequeued', notBefore: 40 },
  SubjobFailed: { type: 'SubjobFailed', code: ResponseCode.Rejected, message: 'no' },
  AttemptEnded: { type: 'AttemptEnded', attempt: failedAttempt },
  SubjobEnded: { type: 'SubjobEnded', end: { ...publication, outcome: 'succeeded', at: 30 } },
}

const exampleNames = Object.keys(examples) as Example[]

describe('a subjob follows its table of transitions', () => {
  for (const name of exampleNames) {
    const subjob: Subjob = examples[name]
    const targets: Partial<Record<SubjobEvent['type'], SubjobState>> = subjobTransitions[subjob.state]
    for (const event of Object.values(events)) {
      const target = targets[event.type]
      if (target === undefined) {
        it(`given ${name}, then ${event.type} breaks an invariant`, () => {
          expect(() => evolveSubjob(subjob, event)).toThrow(`broken invariant: ${event.type} while the subjob is ${subjob.state}`)
        })
      } else {
        it(`given ${name}, then ${event.type} leads to ${target}`, () => {
          expect(evolveSubjob(subjob, event).state).toBe(target)
        })
      }
    }
  }

  it('has an example of every state', () => {
    expect(new Set(Object.values(examples).map((each) => each.state))).toEqual(new Set(Object.keys(subjobTransitions)))
  })
})

const commands = {
  'StartAttempt': { type: 'StartAttempt', worker: 'w1', at: 10 },
  'StopSubjob': { type: 'StopSubjob', stop },
  'GiveUpSubjob': { type: 'GiveUpSubjob', at: 91 },
  'RefuseSubjob': { type: 'RefuseSubjob', code: ResponseCode.HandleNotFound, message: 'unknown' },
  'RecordSubmission': { type: 'RecordSubmission', dataProducerJobId: 'dpj' },
  'RecordStatus pending': { type: 'RecordStatus', status: 'pending' },
  'RecordStatus finished': { type: 'RecordStatus', status: 'finished' },
  'RecordCallFailure that may pass': { type: 'RecordCallFailure', failure: retriable, at: 20, retryAt: 50 },
  'RecordCallFailure for good': { type: 'RecordCallFailure', failure: hopeless, at: 20, retryAt: 50 },
  'RecordPublication': { type: 'RecordPublication', publication, at: 30 },
  'RecordSinkFailure that may pass': { type: 'RecordSinkFailure', failure: retriable, operations: 2, at: 30 },
  'RecordSinkFailure for good': { type: 'RecordSinkFailure', failure: hopeless, operations: 2, at: 30 },
} as const satisfies Record<string, SubjobCommand>

type CommandName = keyof typeof commands
type Decisions = Partial<Record<CommandName, readonly SubjobEvent['type'][]>>

/** What each command leads to; one that is not named is late or repeated and leads to nothing. */
const inQueue: Decisions = {
  'StartAttempt': ['AttemptStarted'],
  'RefuseSubjob': ['SubjobFailed'],
  'StopSubjob': ['SubjobStopped', 'SubjobFailed'],
}
const decisions: Record<Example, Decisions> = {
  'queued': inQueue,
  'queued again': inQueue,
  'submitting': {
    'RecordSubmission': ['SubjobSubmitted'],
    'RecordCallFailure that may pass': ['AttemptFailed', 'SubjobRequeued'],
    'RecordCallFailure for good': ['AttemptFailed', 'SubjobFailed'],
    'StopSubjob': ['SubjobStopped'],
  },
  'submitting, stopped': {
    'RecordSubmission': ['SubjobSubmitted'],
    'RecordCallFailure that may pass': ['AttemptFailed', 'SubjobFailed'],
    'RecordCallFailure for good': ['AttemptFailed', 'SubjobFailed'],
    'GiveUpSubjob': ['AttemptFailed', 'SubjobFailed'],
  },
  'polling': {
    'RecordStatus finished': ['ProducerFinished'],
    'RecordCallFailure that may pass': ['CallFailed'],
    'RecordCallFailure for good': ['AttemptFailed', 'SubjobFailed'],
    'StopSubjob': ['SubjobStopped'],
  },
  'polling, stopped': {
    'RecordStatus finished': ['ProducerFinished'],
    'RecordCallFailure that may pass': ['CallFailed'],
    'RecordCallFailure for good': ['AttemptFailed', 'SubjobFailed'],
    'GiveUpSubjob': ['AttemptFailed', 'SubjobFailed'],
  },
  'publishing a result': {
    'RecordCallFailure that may pass': ['CallFailed'],
    'RecordCallFailure for good': ['AttemptFailed', 'SubjobFailed'],
    'RecordPublication': ['AttemptEnded', 'SubjobEnded'],
    'RecordSinkFailure that may pass': ['PublicationFailed'],
    'RecordSinkFailure for good': ['AttemptEnded', 'SubjobEnded'],
  },
  'publishing a failure': {
    'RecordCallFailure that may pass': ['CallFailed'],
    'RecordCallFailure for good': ['CallFailed'],
    'RecordPublication': ['SubjobEnded'],
    'RecordSinkFailure that may pass': ['PublicationFailed'],
    'RecordSinkFailure for good': ['SubjobEnded'],
  },
  'ended': {},
}

describe('a subjob decides', () => {
  for (const name of exampleNames) {
    const subjob: Subjob = examples[name]
    for (const commandName of Object.keys(commands) as CommandName[]) {
      const expected = decisions[name][commandName] ?? []
      it(`given ${name}, when ${commandName}, then ${expected.join(', ') || 'nothing'}`, () => {
        const decided = decideSubjob(subjob, commands[commandName], limits)
        expect(decided.map((event) => event.type)).toEqual(expected)
        expect(() => decided.reduce(evolveSubjob, subjob)).not.toThrow()
      })
    }
  }

  it('leaves nothing behind that a restored subjob could not be: what it was on its way to is found out again', () => {
    // What is submitting is stored as queued: src/stages/dispatcher/dispatcher.ts.
    const restorable = new Set(
      ['queued', 'submitting', 'polling', 'publishing a failure', 'ended'].map((name) => shapeOf(examples[name as Example])),
    )
    for (const name of exampleNames) {
      for (const command of Object.values(commands)) {
        const decided = decideSubjob(examples[name], command, limits)
        if (!decided.some((event) => durableSubjobEvents.has(event.type))) continue
        expect(restorable).toContain(shapeOf(decided.reduce<Subjob>(evolveSubjob, examples[name])))
      }
    }
  })
})

describe('attempts', () => {
  it('are numbered from 1 and carry who made them and when', () => {
    const first = decide(queued, commands.StartAttempt)
    expect(first).toMatchObject({ state: 'submitting', attempt: { number: 1, worker: 'w1', startedAt: 10 } })
    const second = decide(examples['queued again'], { type: 'StartAttempt', worker: 'w2', at: 60 })
    expect(second).toMatchObject({ attempt: { number: 2, worker: 'w2', startedAt: 60 }, attempts: [failedAttempt] })
  })

  it('given one failed and may pass, then it is queued until the time to try again', () => {
    expect(decide(submitting, commands['RecordCallFailure that may pass'])).toEqual({
      state: 'queued',
      notBefore: 50,
      attempts: [failedAttempt],
      stop: null,
    })
  })

  it('given the last one allowed failed, then its reason is what is published', () => {
    const last = decide(examples['queued again'], commands.StartAttempt)
    const failed = decide(last, commands['RecordCallFailure that may pass'])
    expect(failed).toMatchObject({
      state: 'publishing',
      attempt: null,
      source: { type: 'failure', code: ResponseCode.ServiceNotResponding, message: 'timeout' },
    })
    expect(failed.attempts.map((attempt) => attempt.number)).toEqual([1, 2])
  })

  it('given none is allowed, then one is made all the same', () => {
    const none = { ...limits, attemptsMax: 0 }
    const events = decideSubjob(submitting, commands['RecordCallFailure that may pass'], none)
    expect(events.map((event) => event.type)).toEqual(['AttemptFailed', 'SubjobFailed'])
  })
})

describe('calls that fail while a producer works', () => {
  for (const name of ['polling', 'publishing a result'] as const) {
    it(`given ${name}, then the attempt outlives fewer than the allowed number in a row`, () => {
      const twice = decide(decide(examples[name], commands['RecordCallFailure that may pass']), commands['RecordCallFailure that may pass'])
      expect(twice).toMatchObject({ state: examples[name].state, failures: 2 })
      expect(decide(twice, commands['RecordCallFailure that may pass'])).toMatchObject({ state: 'queued', notBefore: 50 })
    })
  }

  it('given an answer came between, then the row begins anew', () => {
    const failed = decide(polling, commands['RecordCallFailure that may pass'])
    expect(decide(failed, commands['RecordStatus pending'])).toEqual(polling)
  })

  it('given a poll changes nothing, then there is nothing to write', () => {
    expect(decideSubjob(polling, commands['RecordStatus pending'], limits)).toEqual([])
  })
})

describe('publication', () => {
  it('given a sink fails again and again, then results are kept, and no producer is asked to do the work again', () => {
    let subjob: Subjob = publishingResult
    for (let times = 0; times < 10; times += 1) subjob = decide(subjob, commands['RecordSinkFailure that may pass'])
    expect(subjob).toEqual({ ...publishingResult, sinkFailures: 10 })
    expect(decide(subjob, commands['RecordCallFailure that may pass'])).toMatchObject({ state: 'publishing', failures: 1 })
  })

  it('given the sink took a write after calls had failed, then those calls are no longer in a row', () => {
    const failed = decide(publishingResult, commands['RecordCallFailure that may pass'])
    expect(decide(failed, commands['RecordSinkFailure that may pass'])).toMatchObject({ failures: 0, sinkFailures: 1 })
  })

  it('given a sink refuses for good, then all operations have failed and the attempt ends with the reason', () => {
    const end = decide(publishingResult, commands['RecordSinkFailure for good'])
    expect(end).toMatchObject({
      state: 'ended',
      end: { outcome: 'failed', succeeded: 0, failed: 2, object: null, message: 'HTTP 400', at: 30 },
      attempts: [{ number: 1, endedAt: 30, outcome: 'failed', code: ResponseCode.Rejected, message: 'HTTP 400' }],
    })
  })

  const counts = [
    { succeeded: 2, failed: 0, outcome: 'succeeded' },
    { succeeded: 1, failed: 1, outcome: 'partiallyFailed' },
    { succeeded: 0, failed: 2, outcome: 'failed' },
  ] as const
  for (const { succeeded, failed, outcome } of counts) {
    it(`given ${succeeded} succeeded and ${failed} failed, then the subjob ended ${outcome}, and so did its attempt`, () => {
      const object = { key: 'job-1/0', bytes: 7, etag: 'e' }
      const done = decide(publishingResult, {
        type: 'RecordPublication',
        publication: { succeeded, failed, object, message: null },
        at: 30,
      })
      expect(done).toEqual({
        state: 'ended',
        end: { outcome, succeeded, failed, object, message: null, at: 30 },
        attempts: [{ ...started, endedAt: 30, outcome, code: null, message: null }],
        stop: null,
      })
    })
  }

  it('given no producer was asked, then the reason is the message, and no attempt is made up', () => {
    const done = decide(publishingFailure, { type: 'RecordPublication', publication: { ...publication, succeeded: 0, failed: 2 }, at: 30 })
    expect(done).toMatchObject({ end: { outcome: 'failed', message: 'unknown' }, attempts: [] })
  })

  it('prefers what the publication says over the reason of the failure', () => {
    const said = { type: 'RecordPublication', publication: { ...publication, message: 'said' }, at: 30 } as const
    expect(decide(publishingFailure, said)).toMatchObject({ end: { message: 'said' } })
  })
})

describe('codeOfCallFailure', () => {
  it.each([
    [{ httpStatus: 429, disposition: 'retry' }, ResponseCode.SouthboundBusy],
    [{ httpStatus: 503, disposition: 'retry' }, ResponseCode.ServiceNotResponding],
    [{ disposition: 'retry' }, ResponseCode.ServiceNotResponding],
    [{ httpStatus: 400, disposition: 'reject' }, ResponseCode.Rejected],
    [{ disposition: 'reject' }, ResponseCode.UnknownError],
  ] as const)('%j is %i', (cause, code) => {
    expect(codeOfCallFailure(cause)).toBe(code)
  })
})

function decide(subjob: Subjob, command: SubjobCommand): Subjob {
  return decideSubjob(subjob, command, limits).reduce(evolveSubjob, subjob)
}

function shapeOf(subjob: Subjob): string {
  return subjob.state === 'publishing' ? `publishing a ${subjob.source.type}` : subjob.state
}
