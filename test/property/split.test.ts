import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { producerKey } from '../../src/domain/ids.ts'
import type { HandleRegistered } from '../../src/domain/inventory-messages.ts'
import type { Dependency } from '../../src/domain/messages.ts'
import { type JobKind, operationBytes } from '../../src/domain/operation.ts'
import { linkPlans } from '../../src/domain/plan.ts'
import { type FindHandle, type Handle, managedObjectOf, splitJob } from '../../src/domain/split.ts'
import { checkSubmission } from '../../src/domain/submission.ts'
import { HandleIndex } from '../../src/inventory/handle-index.ts'
import { exampleHandle, exampleOperation, exampleSubmission } from '../fakes/domain-examples.ts'

const name = fc.integer({ min: 0, max: 5 }).map((n) => `/mo-${n}`)
const path = fc.tuple(name, fc.constantFrom('', '/', '#attribute', '/#action', '#a/b/')).map((parts) => parts.join(''))
const handle: fc.Arbitrary<Handle | undefined> = fc.option(
  fc.record({
    service: fc.constantFrom('dmi-1', 'dmi-2'),
    writeService: fc.constantFrom(null, 'dmi-w'),
    dataProducerId: fc.constantFrom('', 'p1', 'p2'),
    moduleSetTag: fc.constantFrom('', 'tag'),
    ready: fc.boolean(),
  }).map(exampleHandle),
  { nil: undefined },
)
const inventory = fc.array(handle, { minLength: 6, maxLength: 6 })
const paths = fc.array(path, { minLength: 1, maxLength: 40 })
const kinds = fc.constantFrom<JobKind>('READ', 'WRITE')
const limits = fc.record({ operationsMax: fc.integer({ min: 1, max: 6 }), bytesMax: fc.integer({ min: 100, max: 1_500 }) })

function serviceFor(kind: JobKind, { service, writeService }: Handle): string {
  return (kind === 'WRITE' ? writeService : null) ?? service
}

function finderIn(handles: readonly (Handle | undefined)[]): FindHandle {
  return (fdn) => handles[Number(fdn.slice('/mo-'.length))]
}

describe('a split', () => {
  it('keeps every operation exactly once, in order within each producer, in chunks no larger than allowed', () => {
    fc.assert(
      fc.property(paths, inventory, kinds, limits, (all, handles, kind, bounds) => {
        const findHandle = finderIn(handles)
        const operations = all.map((each, at) => exampleOperation({ operationId: at, path: each }))
        const plans = splitJob({ tenant: 'default', kind, operations }, findHandle, bounds)

        expect(plans.map((plan) => plan.index)).toEqual(plans.map((_, at) => at))
        const byKey = Map.groupBy(plans, (plan) => plan.producerKey)
        for (const ofKey of byKey.values()) {
          const ids = ofKey.flatMap((plan) => plan.operations.map((each) => Number(each.operationId)))
          expect(ids).toEqual(ids.toSorted((a, b) => a - b))
        }
        const handedOn = plans.flatMap((plan) => plan.operations).toSorted((a, b) => Number(a.operationId) - Number(b.operationId))
        expect(handedOn).toEqual(operations.map((operation) => expect.objectContaining({ ...operation }) as unknown))

        for (const plan of plans) {
          const bytes = plan.operations.reduce((sum, each) => sum + operationBytes(each) + each.moduleSetTag.length, 0)
          expect(plan.operations.length).toBeLessThanOrEqual(bounds.operationsMax)
          expect(plan.operations.length === 1 || bytes <= bounds.bytesMax).toBe(true)
          for (const operation of plan.operations) {
            const found = findHandle(managedObjectOf(operation.path), 'default')
            expect(operation.moduleSetTag).toBe(found?.moduleSetTag ?? '')
            if (found?.ready !== true) expect(plan.refusal).toBe(found === undefined ? 100 : 101)
            else expect(plan.producerKey).toBe(producerKey(serviceFor(kind, found), found.dataProducerId))
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a split by the inventory', () => {
  const segments = fc.array(fc.constantFrom('a=1', 'a=2', 'b=1'), { minLength: 1, maxLength: 4 })
  const fdn = segments.map((all) => `/${all.join('/')}`)
  const registered = fc.uniqueArray(fdn, { minLength: 1, maxLength: 12 }).map((names) =>
    names.map((alternateId, n): HandleRegistered => {
      const facts = { cmHandle: `ch-${n}`, moduleSetTag: `tag-${n % 2}`, dataProducerId: `p${n % 3}`, service: `dmi-${n % 2}` }
      const state = n % 5 === 4 ? 'LOCKED' : 'READY'
      return { type: 'HandleRegistered', alternateId, ...facts, writeService: null, state, properties: {} }
    }),
  )
  const inTwoOrders = registered.chain((all) => {
    const order = fc.shuffledSubarray(all, { minLength: all.length })
    return fc.tuple(order, order)
  })

  it('is the same whatever the order in which the handles were registered, and however often', () => {
    const bounds = { operationsMax: 4, bytesMax: 2_000 }
    fc.assert(
      fc.property(inTwoOrders, fc.array(fdn, { minLength: 1, maxLength: 20 }), ([one, other], names) => {
        const operations = names.map((each, at) => exampleOperation({ operationId: at, path: each }))
        const [first, second] = [one, [...other, ...one]].map((handles) => {
          const index = new HandleIndex()
          for (const each of handles) index.put(each)
          return splitJob({ tenant: 'default', kind: 'READ', operations }, (each) => index.find(each), bounds)
        })
        expect(second).toEqual(first)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a split with dependencies', () => {
  const edges = fc.array(fc.tuple(fc.nat({ max: 39 }), fc.nat({ max: 39 })), { maxLength: 25 })

  it('keeps every operation once and in order at its producer, and links exactly what waits', () => {
    fc.assert(
      fc.property(paths, inventory, edges, (all, handles, pairs) => {
        const operations = all.map((each, at) => exampleOperation({ operationId: at, path: each }))
        const within = pairs.map(([a, b]) => [a % all.length, b % all.length] as const).filter(([a, b]) => a !== b)
        const dependencies = within.map(([a, b]): Dependency => ({ operationId: Math.max(a, b), parents: [Math.min(a, b)] }))
        const plans = splitJob({ tenant: 'default', kind: 'READ', operations }, finderIn(handles), { operationsMax: 5, bytesMax: 100_000 })
        const linked = linkPlans(plans, dependencies)

        expect(linked.map((plan) => plan.index)).toEqual(linked.map((_, at) => at))
        expect(linked.flatMap((plan) => plan.operations)).toEqual(plans.flatMap((plan) => plan.operations))
        const idsOf = (index: number): readonly number[] => linked[index]!.operations.map((each) => Number(each.operationId))
        const waits = linked.flatMap(({ index, parents }) =>
          parents.flatMap((parent) => idsOf(index).map((id) => `${id} ${idsOf(parent).join()}`)),
        )
        expect(new Set(waits)).toEqual(new Set(dependencies.map((each) => `${each.operationId} ${each.parents.join()}`)))
        const down = linked.flatMap((plan) => plan.parents.map((parent) => `${parent} ${plan.index}`))
        const up = linked.flatMap((plan) => plan.children.map((child) => `${plan.index} ${child}`))
        expect(new Set(up)).toEqual(new Set(down))
      }),
      { numRuns: 300 },
    )
  })

  it('is refused exactly when some operations wait for each other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })), { maxLength: 9 }), (pairs) => {
        const operations = Array.from({ length: 6 }, (_, at) => exampleOperation({ operationId: at }))
        const dependencies = pairs.map(([child, parent]): Dependency => ({ operationId: child, parents: [parent] }))
        const submission = exampleSubmission({ operations, dependencies })
        const bounds = { operationsMax: 10, pathLengthMax: 10 }
        const checked = checkSubmission(submission, { bareNameIs: 'topic', topicPrefix: 'datajob.' }, bounds)
        expect(checked.ok).toBe(canBeOrdered(pairs))
      }),
      { numRuns: 1_000 },
    )
  })
})

/** Whether taking away operations that wait for nothing, again and again, leaves none. */
function canBeOrdered(pairs: readonly (readonly [number, number])[]): boolean {
  let left = pairs
  for (;;) {
    const waiting = new Set(left.map(([child]) => child))
    const next = left.filter(([, parent]) => waiting.has(parent))
    if (next.length === left.length) return next.length === 0
    left = next
  }
}
