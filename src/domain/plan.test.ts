import { describe, expect, it } from 'vitest'
import { exampleRoutedOperation } from '../../test/fakes/domain-examples.ts'
import { producerKey } from './ids.ts'
import type { Dependency } from './messages.ts'
import { linkPlans } from './plan.ts'
import type { SubjobPlan } from './split.ts'

describe('linkPlans', () => {
  const plans = [plan(0, 'p1', ['a', 'b', 'c']), plan(1, 'p2', ['d', 'e'])]

  it('leaves a split without dependencies as it is', () => {
    expect(linkPlans(plans, [])).toEqual(plans.map((each) => ({ ...each, parents: [], children: [] })))
  })

  it('gives each operation that waits, or is waited for, a subjob of its own at its producer', () => {
    expect(shapes(plans, [wait('d', 'b')])).toEqual([
      { index: 0, producer: 'p1', operations: ['a'], parents: [], children: [] },
      { index: 1, producer: 'p1', operations: ['b'], parents: [], children: [3] },
      { index: 2, producer: 'p1', operations: ['c'], parents: [], children: [] },
      { index: 3, producer: 'p2', operations: ['d'], parents: [1], children: [] },
      { index: 4, producer: 'p2', operations: ['e'], parents: [], children: [] },
    ])
  })

  it('keeps the request\'s order at each producer', () => {
    for (const dependencies of [[wait('c', 'a')], [wait('a', 'd')], [wait('b', 'a'), wait('c', 'b')]]) {
      const linked = linkPlans(plans, dependencies)
      for (const { producerKey: key, operations } of plans) {
        const ofProducer = linked.filter((each) => each.producerKey === key).flatMap((each) => each.operations)
        expect(ofProducer).toEqual(operations)
      }
    }
  })

  it('names each parent and each child once, however often it is said', () => {
    const linked = shapes([plan(0, 'p1', ['a', 'b'])], [wait('b', 'a', 'a'), wait('b', 'a')])
    expect(linked).toMatchObject([{ operations: ['a'], children: [1] }, { operations: ['b'], parents: [0] }])
  })

  it('joins the parents of several entries for one operation', () => {
    const linked = shapes([plan(0, 'p1', ['a', 'b', 'c'])], [wait('c', 'a'), wait('c', 'b')])
    expect(linked[2]).toMatchObject({ operations: ['c'], parents: [0, 1] })
  })

  it('finds an operation by its id, given as a number or as a text', () => {
    const linked = shapes([plan(0, 'p1', [1, 2])], [{ operationId: '2', parents: ['1'] }])
    expect(linked).toMatchObject([{ children: [1] }, { parents: [0] }])
  })

  it('lets refused operations be waited for', () => {
    const refused = { ...plan(0, '', ['a']), refusal: 100 as const }
    expect(linkPlans([refused, plan(1, 'p1', ['b'])], [wait('b', 'a')])).toMatchObject([
      { refusal: 100, children: [1] },
      { refusal: null, parents: [0] },
    ])
  })

  it('stops at a dependency that nobody checked', () => {
    expect(() => linkPlans(plans, [wait('a', 'x')])).toThrow('broken invariant: unchecked dependency on "x"')
  })
})

function plan(index: number, producer: string, operationIds: readonly (string | number)[]): SubjobPlan {
  return {
    index,
    producerKey: producerKey('dmi', producer),
    service: 'dmi',
    dataProducerId: producer,
    refusal: null,
    operations: operationIds.map((operationId) => exampleRoutedOperation({ operationId })),
  }
}

function wait(operationId: string, ...parents: string[]): Dependency {
  return { operationId, parents }
}

function shapes(plans: readonly SubjobPlan[], dependencies: readonly Dependency[]): readonly object[] {
  return linkPlans(plans, dependencies).map(({ index, dataProducerId, operations, parents, children }) => ({
    index,
    producer: dataProducerId,
    operations: operations.map((each) => each.operationId),
    parents,
    children,
  }))
}
