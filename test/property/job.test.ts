import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { localCodec } from '../../src/codec/local-codec.ts'
import { endedSubjobs, OUTCOMES } from '../../src/domain/job-counts.ts'
import { decideJob, evolveJob, type Job, type JobCommand, type JobEvent, type JobState, jobTransitions } from '../../src/domain/job.ts'
import { exampleFacts } from '../fakes/domain-examples.ts'
import { type JobShape, JobWorld, sum } from './job-world.ts'
import { picks } from './stage-inputs.ts'

const few = fc.nat({ max: 4 })
const message = fc.constantFrom(null, 'why')
const undone = fc.record({ operations: few, subjobs: fc.record({ partiallyFailed: few, failed: few, cancelled: few }) })
const result = fc.record({ outcome: fc.constantFrom(...OUTCOMES), succeeded: few, failed: few, message })

/** Any command, sensible or not: late, foreign and impossible ones too. */
const anyCommand: fc.Arbitrary<JobCommand> = fc.oneof(
  few.map((parts): JobCommand => ({ type: 'AcceptJob', facts: exampleFacts({ parts }), operations: 4, subjobs: 2 })),
  fc.record({ type: fc.constant('AddSubjobs'), subjobs: few, parts: fc.constantFrom(0, 1) }),
  fc.record({ type: fc.constant('GiveUpParts'), at: few, operations: few, message: fc.constant('lost') }),
  fc.record({ type: fc.constant('RecordSubjobStarted'), at: few }),
  fc.record({ type: fc.constant('RecordSubjobEnded'), at: few, result }),
  fc.record({ type: fc.constant('RecordSubjobEnded'), at: few, result }),
  few.map((at): JobCommand => ({ type: 'CancelJob', at })),
  fc.record({ type: fc.constant('RecordConclusion'), at: few, message }),
  fc.record({ type: fc.constant('RetryJob'), at: few, run: fc.constantFrom(null, 1, 2, 3), priority: fc.constantFrom(null, 7), undone }),
)
const commands = fc.array(anyCommand, { maxLength: 60, size: 'max' })

const operationsOfSubjobs = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })
const whole = operationsOfSubjobs.map((subjobs): JobShape => ({ subjobs, parts: [] }))
const inParts = fc.array(operationsOfSubjobs, { minLength: 1, maxLength: 3 }).map((parts): JobShape => ({ subjobs: [], parts }))
const shapes = fc.oneof(whole, inParts)

/** The job after the command; each event is held against the table of transitions. */
function after(job: Job | undefined, command: JobCommand): Job | undefined {
  return decideJob(job, command).reduce<Job | undefined>((before, event) => {
    const targets: Partial<Record<JobEvent['type'], JobState>> = jobTransitions[before?.state ?? 'none']
    const next = evolveJob(before, event)
    expect(next.state).toBe(targets[event.type])
    return next
  }, job)
}

describe('a job that is told anything, at any time', () => {
  it('goes only where its table leads', () => {
    fc.assert(
      fc.property(commands, (all) => {
        let job: Job | undefined
        for (const command of all) job = after(job, command)
      }),
      { numRuns: 1_000 },
    )
  })

  it('once ended stays as it is, but for another run that has something to do', () => {
    fc.assert(
      fc.property(commands, anyCommand, (all, late) => {
        const job = all.reduce(after, undefined)
        if (job?.state !== 'ended') return
        const next = after(job, late)
        const isNext = late.type === 'RetryJob' && late.undone.operations > 0 && (late.run ?? job.run + 1) === job.run + 1
        if (!isNext) expect(next).toBe(job)
        else expect(next).toMatchObject({ state: 'running', run: job.run + 1 })
      }),
      { numRuns: 1_000 },
    )
  })

  it('is not changed by what it was told before', () => {
    fc.assert(
      fc.property(commands, anyCommand, (all, command) => {
        // That a subjob or a part is counted once is its assignment's business, and the lane's.
        if (command.type === 'RecordSubjobEnded' || command.type === 'AddSubjobs') return
        const job = after(all.reduce(after, undefined), command)
        const isNextAgain = command.type === 'RetryJob' && job?.state === 'ended'
        if (!isNextAgain) expect(after(job, command)).toBe(job)
      }),
      { numRuns: 1_000 },
    )
  })

  it('that was read back from its changelog is the same, and decides the same', () => {
    const codec = localCodec()
    fc.assert(
      fc.property(commands, anyCommand, (all, command) => {
        const job = all.reduce(after, undefined)
        if (job === undefined || Object.values({ ...job.operations, ...job.subjobs }).some((count) => count < 0)) return
        const decoded = codec.decode(codec.encode({ type: 'JobChanged', job }))
        if (decoded instanceof Promise || !decoded.ok || decoded.message.type !== 'JobChanged') throw new Error('it is not read back')
        expect(decoded.message.job).toEqual(job)
        expect(decideJob(decoded.message.job, command)).toEqual(decideJob(job, command))
      }),
      { numRuns: 500 },
    )
  })
})

describe('a job and its subjobs', () => {
  it('count what was done and what failed, each operation once, over all runs, repetitions and lost parts', () => {
    fc.assert(
      fc.property(shapes, picks, (shape, choices) => {
        const world = new JobWorld(shape)
        for (const pick of choices) {
          world.choose(pick)
          const { operations, subjobs, state, partsLeft } = world.job
          expect(operations).toEqual({ total: world.total, succeeded: world.done, failed: sum([...world.failed.values()]) })
          expect(partsLeft).toBeGreaterThanOrEqual(0)
          const ended = world.assignments.filter((each) => each.state === 'ended')
          expect([subjobs.total, endedSubjobs(subjobs)]).toEqual([world.assignments.length, ended.length])
          for (const outcome of OUTCOMES) expect(subjobs[outcome]).toBe(ended.filter((each) => each.outcome === outcome).length)
          const isOver = state === 'concluding' || state === 'ended'
          expect(isOver).toBe(ended.length === subjobs.total && partsLeft === 0)
          if (isOver) expect(operations.succeeded + operations.failed).toBe(operations.total)
        }
      }),
      { numRuns: 150 },
    )
  })

  it('come to the same end in whatever order the subjobs end and the parts come', () => {
    fc.assert(
      fc.property(shapes, fc.boolean(), picks, picks, (shape, cancelled, one, other) => {
        const job = runToItsEnd(shape, cancelled, one)
        expect(job).toEqual(runToItsEnd(shape, cancelled, other))
        expect(job.state).toBe('ended')
      }),
      { numRuns: 500 },
    )
  })
})

/** Lets all parts come and all subjobs end, in an order that the numbers choose; what becomes of each is the same in any of them. */
function runToItsEnd(shape: JobShape, cancelled: boolean, order: readonly number[]): Job {
  const world = new JobWorld(shape)
  if (cancelled) world.decide({ type: 'CancelJob', at: 0 })
  for (let at = 0; world.job.state !== 'concluding'; at += 1) {
    const pick = order[at % order.length]! + Math.floor(at / order.length)
    const open = world.assignments.filter((each) => each.state !== 'ended')
    const chosen = open[Math.floor(pick / 3) % Math.max(1, open.length)]
    if (chosen === undefined || pick % 3 === 0) world.addPart()
    else if (pick % 3 === 1) world.start(chosen.index)
    else world.end({ ...chosen, failed: (chosen.index * 7) % (chosen.operations + 1) })
  }
  world.decide({ type: 'RecordConclusion', at: 1_000, message: null })
  return { ...world.job, startedAt: 0 }
}
