import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StepGroup } from '../../src/domain/messages.ts'
import { checkGroups, StepGroups } from '../../src/domain/step-groups.ts'
import { exampleGroup } from '../fakes/domain-examples.ts'

/** Groups that each come after some of those before them. */
const groupsOf = fc
  .array(fc.record({ operations: fc.integer({ min: 1, max: 4 }), bits: fc.nat(255) }), { minLength: 1, maxLength: 8 })
  .map((drawn) => drawn.map(({ operations, bits }, at): StepGroup => {
    return exampleGroup({ operations, after: positions(at).filter((n) => (bits >> n) % 2 === 1) })
  }))

function positions(below: number): readonly number[] {
  return Array.from({ length: below }, (_, n) => n)
}

type State = 'waits' | 'runs' | 'succeeded' | 'failed' | 'lost'

/** The same, by looking at every pair of steps each time. */
class PlainSteps {
  readonly states: State[]
  readonly parents: (readonly number[])[]

  constructor(groups: readonly StepGroup[]) {
    const groupOf = groups.flatMap(({ operations }, group) => positions(operations).map(() => group))
    this.parents = groupOf.map((group) => groupOf.flatMap((other, step) => (groups[group]?.after.includes(other) === true ? [step] : [])))
    this.states = groupOf.map(() => 'waits')
    this.look()
  }

  /** All that comes after the step comes after these, too. */
  add(step: number, groups: readonly StepGroup[]): readonly number[] {
    const added = new PlainSteps(groups)
    const first = this.states.length
    const indexes = added.states.map((_, at) => first + at)
    for (const [at, parents] of this.parents.entries()) if (parents.includes(step)) this.parents[at] = [...parents, ...indexes]
    this.parents.push(...added.parents.map((parents) => parents.map((parent) => first + parent)))
    this.states.push(...indexes.map((): State => 'waits'))
    return indexes
  }

  /** Returns those that may begin now, and those that never will, as long as nothing is tried again. */
  look(): { readonly free: readonly number[]; readonly lost: readonly number[] } {
    const is = (step: number, states: readonly State[]): boolean => states.includes(this.states[step] ?? 'waits')
    const waiting = this.states.flatMap((state, step) => (state === 'waits' ? [step] : []))
    const lost = waiting.filter((step) => this.parents[step]?.some((parent) => is(parent, ['failed'])))
    const free = waiting.filter((step) => this.parents[step]?.every((parent) => is(parent, ['succeeded'])))
    for (const step of free) this.states[step] = 'runs'
    for (const step of lost) this.states[step] = 'lost'
    return { free, lost }
  }
}

describe('steps in groups', () => {
  it('begin and are lost exactly when a plain model says so, whatever ends in whichever order', () => {
    fc.assert(
      fc.property(groupsOf, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 5 })), { maxLength: 60 }), (groups, ends) => {
        const [steps, plain] = [new StepGroups(groups), new PlainSteps(groups)]
        for (const [drawn, luck] of ends) {
          const open = plain.states.flatMap((state, step) => (state === 'runs' || state === 'lost' ? [step] : []))
          const step = open[drawn % Math.max(1, open.length)]
          if (step === undefined) continue
          const isDone = plain.states[step] === 'runs' && luck > 0
          plain.states[step] = isDone ? 'succeeded' : 'failed'
          const told = isDone ? steps.succeed(step) : steps.fail(step)
          const { free, lost } = plain.look()
          expect(told).toEqual(isDone ? free : lost)
        }
        for (const [step, parents] of plain.parents.entries()) {
          expect(steps.mayBegin(step)).toBe(parents.every((parent) => plain.states[parent] === 'succeeded'))
          expect(steps.isLost(step)).toBe(parents.some((parent) => plain.states[parent] === 'failed'))
        }
      }),
    )
  })

  it('are all done once what had failed is tried again often enough, each once', () => {
    fc.assert(
      fc.property(groupsOf, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (groups, luck) => {
        const steps = new StepGroups(groups)
        const done = new Set<number>()
        let undone = positions(steps.total)
        for (let run = 0; undone.length > 0; run += 1) {
          if (run > 0) for (const step of undone) steps.retry(step)
          const ready = undone.filter((step) => steps.mayBegin(step))
          for (let step = ready.shift(); step !== undefined; step = ready.shift()) {
            // From the third time on, nothing fails.
            const isDone = steps.mayBegin(step) && (run > 1 || luck[step] === true)
            expect(done.has(step)).toBe(false)
            if (isDone) done.add(step)
            ready.push(...(isDone ? steps.succeed(step) : steps.fail(step)))
          }
          undone = positions(steps.total).filter((step) => !done.has(step))
          expect(run).toBeLessThan(4)
        }
      }),
    )
  })
})

describe('steps that yield others', () => {
  const ends = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 5 }), fc.option(groupsOf)), { maxLength: 40 })

  it('are followed by those before what came after them, whatever ends in whichever order', () => {
    fc.assert(
      fc.property(groupsOf, ends, (groups, drawn) => {
        const [steps, plain] = [new StepGroups(groups), new PlainSteps(groups)]
        for (const [which, luck, yielded] of drawn) {
          const open = plain.states.flatMap((state, step) => (state === 'runs' || state === 'lost' ? [step] : []))
          const step = open[which % Math.max(1, open.length)]
          if (step === undefined) continue
          const isDone = plain.states[step] === 'runs' && luck > 0
          const added = isDone && yielded !== null ? plain.add(step, yielded) : []
          if (isDone && yielded !== null) steps.add(step, yielded)
          plain.states[step] = isDone ? 'succeeded' : 'failed'
          const told = isDone ? steps.succeed(step) : steps.fail(step)
          const { free, lost } = plain.look()
          expect(isDone ? [...told, ...added.filter((each) => steps.mayBegin(each))].sort(ascending) : told).toEqual(isDone ? free : lost)
        }
        const again = new StepGroups(steps.groups)
        for (const [step, state] of plain.states.entries()) {
          if (state === 'succeeded') again.succeed(step)
          if (state === 'failed') again.fail(step)
        }
        expect([steps.total, again.total]).toEqual([plain.states.length, plain.states.length])
        const order = steps.inOrder(positions(steps.total))
        expect([...order].sort(ascending)).toEqual(positions(steps.total))
        const placeOf = new Map(order.map((step, place) => [step, place]))
        for (const [step, parents] of plain.parents.entries()) {
          const mayBegin = parents.every((parent) => plain.states[parent] === 'succeeded')
          const isLost = parents.some((parent) => plain.states[parent] === 'failed')
          for (const each of [steps, again]) expect([each.mayBegin(step), each.isLost(step)]).toEqual([mayBegin, isLost])
          for (const parent of parents) expect(placeOf.get(parent)).toBeLessThan(placeOf.get(step) ?? -1)
        }
      }),
    )
  })

  it.each<[string, readonly StepGroup[], readonly StepGroup[], string]>([
    ['too many steps', [exampleGroup({ operations: 19_999 }), exampleGroup()], [exampleGroup()], 'they make 20001 steps of the job'],
    [
      'too much to be waited for',
      [exampleGroup(), ...Array.from({ length: 999 }, () => exampleGroup({ after: [0] }))],
      Array.from({ length: 100 }, () => exampleGroup()),
      'the groups of the job name 100899 others then, and may name 100000',
    ],
    ['what is no group', [exampleGroup()], [exampleGroup({ after: [1] })], '1 is not the position of a group before this one'],
  ])('can’t have %s', (_, groups, added, message) => {
    const operations = added.reduce((sum, group) => sum + group.operations, 0)
    expect(new StepGroups(groups).checkAdded(0, added, operations)).toContain(message)
  })
})

function ascending(one: number, other: number): number {
  return one - other
}

describe('groups', () => {
  it('that come after some of those before them, and have all operations between them, are as they should be', () => {
    fc.assert(
      fc.property(groupsOf, (groups) => {
        const total = groups.reduce((sum, { operations }) => sum + operations, 0)
        expect(checkGroups(groups, total)).toBeNull()
        expect(checkGroups(groups, total + 1)?.message).toBe(`they have ${total} operations, and the job has ${total + 1}`)
        const circle = groups.map((group, at) => (at === groups.length - 1 ? { ...group, after: [at] } : group))
        expect(checkGroups(circle, total)?.field).toBe(`groups[${groups.length - 1}].after`)
      }),
    )
  })

  it.each<[string, readonly StepGroup[], string, string]>([
    ['tried again too often', [exampleGroup({ retries: 1_001 })], 'groups[0].retries', '1001 is not from 0 to 1000'],
    ['that rest too long', [exampleGroup({ retries: 1, retryIntervalMs: 2_592_000_001 })], 'groups[0].retryIntervalMs', 'is not from 0 to'],
    ['with nothing in them', [exampleGroup({ operations: 0 })], 'groups[0].operations', 'at least one'],
    ['after what is no group', [exampleGroup({ operations: 1, after: [-1] })], 'groups[0].after', '-1 is not the position'],
    ['after one twice', [exampleGroup({ operations: 1 }), exampleGroup({ operations: 1, after: [0, 0] })], 'groups[1].after', 'twice'],
    ['that are too many', Array.from({ length: 20_001 }, () => exampleGroup()), 'groups', '20001 groups are more than'],
    ['of too many steps', [exampleGroup({ operations: 20_001 })], 'groups', '20001 operations are more than'],
    [
      'that name too many others',
      Array.from({ length: 500 }, (_, at) => exampleGroup({ after: positions(at) })),
      'groups',
      'they name 124750 others, and may name 100000',
    ],
  ])('%s are refused', (_, groups, field, message) => {
    const fault = checkGroups(groups, groups.reduce((sum, { operations }) => sum + operations, 0))
    expect(fault?.field).toBe(field)
    expect(fault?.message).toContain(message)
  })
})
