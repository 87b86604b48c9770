import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Job } from '../../src/domain/job.ts'
import type { DispatchSubjob, Message, SubjobEnded } from '../../src/domain/messages.ts'
import type { ConcludeJob } from '../../src/stages/coordinator/conclusion.ts'
import type { Coordinator } from '../../src/stages/coordinator/coordinator.ts'
import type { RecordedTurn } from '../fakes/recorded-turn.ts'
import { CoordinatorScenario, newCoordinator, resultOf, submissionOf } from './coordinator-scenario.ts'
import { compactionOf, give, keeps, picks, restoredFrom, said } from './stage-inputs.ts'

describe('a coordinator that was read back from its changelog', () => {
  it('says what the one that never stopped says, from any point on, whatever compaction left', () => {
    fc.assert(
      fc.property(picks, fc.nat(), keeps, (choices, cutPick, keep) => {
        const lived = new CoordinatorScenario()
        for (const pick of choices) lived.choose(pick)
        const cut = cutPick % (lived.inputs.length + 1)
        const changelog = lived.changelogs[cut]!
        const full = newCoordinator()
        const compact = newCoordinator()
        const now = lived.inputs[cut]?.now ?? 0
        const first = restoredFrom(full, changelog, now)
        const same = restoredFrom(compact, compactionOf(changelog, (at) => keep[at % keep.length] === true), now)
        expect(atOnce(same)).toEqual(atOnce(first))
        for (const [at, input] of lived.inputs.entries()) {
          if (at < cut) continue
          const expected = said(lived.turns[at]!)
          expect(said(give(full, input))).toEqual(expected)
          expect(said(give(compact, input))).toEqual(expected)
        }
        expect([full.load(), compact.load()]).toEqual([lived.stage.load(), lived.stage.load()])
      }),
      { numRuns: 500 },
    )
  })

  it('concludes again exactly the jobs whose conclusion was not recorded, and remembers the ended ones as long', () => {
    fc.assert(
      fc.property(picks, (choices) => {
        const lived = new CoordinatorScenario()
        for (const pick of choices) lived.choose(pick)
        const begun = new Map<string, ConcludeJob>()
        for (const [at, input] of lived.inputs.entries()) {
          if (input.type === 'completion') begun.delete(input.completion.jobId)
          for (const effect of lived.turns[at]!.effects) begun.set(effect.job.jobId, effect)
        }
        const turn = restoredFrom(newCoordinator(), lived.changelogs.at(-1)!, 0)
        expect(new Map(turn.effects.map((effect) => [effect.job.jobId as string, effect]))).toEqual(begun)
        expect(new Map(turn.wakes.map(({ id, at }) => [id, at]))).toEqual(lived.timers)
        expect([turn.published, turn.stored]).toEqual([[], []])
      }),
      { numRuns: 200 },
    )
  })
})

describe('one job', () => {
  it('is the same whatever the order in which its subjobs report, and however often', () => {
    fc.assert(
      fc.property(fc.nat({ max: 47 }), picks, picks, (number, one, other) => {
        const first = runJob(number, one)
        const second = runJob(number, other)
        expect(factsOf(first.job)).toEqual(factsOf(second.job))
        expect(first.dispatched).toEqual(second.dispatched)
        expect(first.job.state).toBe('concluding')
        expect(first.job.operations.succeeded + first.job.operations.failed).toBe(first.job.operations.total)
        expect([first.conclusions, second.conclusions]).toEqual([1, 1])
      }),
      { numRuns: 500 },
    )
  })

  it('hands every operation to exactly one subjob, once', () => {
    fc.assert(
      fc.property(fc.nat({ max: 47 }), picks, (number, order) => {
        const { operationIds } = runJob(number, order)
        expect(operationIds.toSorted((a, b) => a - b)).toEqual(submissionOf(number, 'job-1').operations.map((each) => each.operationId))
      }),
    )
  })

  it('hands a subjob out behind the ends of all that it waits for, and asks its producer only if those succeeded', () => {
    fc.assert(
      fc.property(fc.nat({ max: 47 }), picks, (number, order) => {
        const { steps, parentsOf } = runJob(number * 4, order)
        const endings = new Map<number, string>()
        for (const step of steps) {
          if (step.type === 'SubjobEnded') {
            endings.set(step.index, step.outcome)
            continue
          }
          const awaited = parentsOf.get(step.index)!.map((parent) => endings.get(parent))
          expect(awaited).not.toContain(undefined)
          if (awaited.some((outcome) => outcome !== 'succeeded')) expect(step.refusal).not.toBeNull()
        }
      }),
      { numRuns: 300 },
    )
  })
})

/** What a restored coordinator begins, in any order. */
function atOnce(turn: RecordedTurn<ConcludeJob>): object {
  return { ...said(turn), effects: new Set(turn.effects), wakes: new Set(turn.wakes) }
}

interface JobRun {
  readonly job: Job
  readonly dispatched: ReadonlySet<string>
  readonly operationIds: readonly number[]
  readonly conclusions: number
  /** What was handed out and what ended, in that order. */
  readonly steps: readonly (DispatchSubjob | SubjobEnded)[]
  readonly parentsOf: ReadonlyMap<number, readonly number[]>
}

/** Accepts a job and lets its subjobs start and end, repeating themselves at times, in the order that the numbers choose. */
function runJob(number: number, order: readonly number[]): JobRun {
  const stage: Coordinator = newCoordinator()
  const open: { dispatch: DispatchSubjob; reports: Message[] }[] = []
  const dispatched: DispatchSubjob[] = []
  let job: Job | undefined
  let conclusions = 0
  let step = 0
  const steps: (DispatchSubjob | SubjobEnded)[] = []
  const parentsOf = new Map<number, readonly number[]>()
  const take = (message: Message): void => {
    step += 1
    const turn = give(stage, { type: 'record', now: step, offset: step, message })
    if (message.type === 'SubjobEnded') steps.push(message)
    for (const { index, parents } of turn.messages('SubjobsPlanned').flatMap(({ subjobs }) => subjobs)) parentsOf.set(index, parents)
    steps.push(...turn.messages('DispatchSubjob'))
    job = turn.messages('JobChanged').at(-1)?.job ?? job
    conclusions += turn.effects.length
    for (const dispatch of turn.messages('DispatchSubjob')) {
      dispatched.push(dispatch)
      open.push({ dispatch, reports: reportsOf(dispatch, number) })
    }
  }
  take(submissionOf(number, 'job-1'))
  for (let at = 0; open.length > 0; at += 1) {
    const pick = order[at % order.length]! + at
    const subjob = open[pick % open.length]!
    const report = subjob.reports[0]!
    take(report)
    if (pick % 5 === 0) take(report)
    subjob.reports.shift()
    if (subjob.reports.length === 0) open.splice(open.indexOf(subjob), 1)
  }
  const shapes = dispatched.map(({ index, producerKey, refusal }) => `${index} ${producerKey} ${refusal}`)
  const operationIds = dispatched.flatMap((each) => each.operations.map(({ operationId }) => Number(operationId)))
  return { job: job!, dispatched: new Set(shapes), operationIds, conclusions, steps, parentsOf }
}

function reportsOf({ jobId, index, operations, refusal }: DispatchSubjob, number: number): Message[] {
  const result = refusal === null ? resultOf(number + index, operations.length) : resultOf(1, operations.length)
  const rest = { object: null, message: null, attempts: [], at: 1, failedOperations: [], generated: null }
  const ended: Message = { type: 'SubjobEnded', jobId, index, run: 1, ...result, ...rest }
  if (refusal !== null) return [ended]
  return [{ type: 'SubjobStarted', jobId, index, run: 1, attempt: 1, worker: 'w', dataProducerJobId: 'd', at: 1 }, ended]
}

function factsOf(job: Job): object {
  return { ...job, startedAt: 0 }
}
