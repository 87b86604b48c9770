import { describe, expect, it } from 'vitest'
import { exampleHandle, exampleOperation } from '../../test/fakes/domain-examples.ts'
import { type Operation, operationBytes } from './operation.ts'
import { ResponseCode } from './response-code.ts'
import { type FindHandle, type Handle, managedObjectOf, splitJob, type SplitLimits, type SubjobPlan } from './split.ts'

const roomy: SplitLimits = { operationsMax: 100, bytesMax: 1_000_000 }

const handles: Readonly<Record<string, Handle>> = {
  '/a': exampleHandle({ alternateId: '/a', moduleSetTag: 'tag-a' }),
  '/b': exampleHandle({ alternateId: '/b', dataProducerId: 'p2', writeService: 'dmi-w' }),
  '/c': exampleHandle({ alternateId: '/c', service: 'dmi-2', dataProducerId: '' }),
  '/locked': exampleHandle({ alternateId: '/locked', moduleSetTag: 'tag-l', ready: false }),
}
const findHandle: FindHandle = (name) => handles[name]

describe('managedObjectOf', () => {
  it.each([
    ['/a/b=1', '/a/b=1'],
    ['a/b=1', 'a/b=1'],
    ['/a/b=1/', '/a/b=1'],
    ['/a/b=1#attribute', '/a/b=1'],
    ['/a/b=1/#action', '/a/b=1'],
    ['/a/b=1#one#two', '/a/b=1'],
    ['/a/b=1#with/slash/', '/a/b=1'],
    ['/', '/'],
    ['/#x', '/'],
    ['#x', ''],
  ])('of %j is %j', (path, name) => {
    expect(managedObjectOf(path)).toBe(name)
  })
})

describe('a job is split', () => {
  it('into one subjob for each producer, in the order in which they are met, each in the order of the request', () => {
    expect(split(['/a', '/b', '/a', '/c', '/b'])).toMatchObject([
      { index: 0, producerKey: 'dmi-1#p1', service: 'dmi-1', dataProducerId: 'p1', refusal: null, operations: ids('0', '2') },
      { index: 1, producerKey: 'dmi-1#p2', service: 'dmi-1', dataProducerId: 'p2', refusal: null, operations: ids('1', '4') },
      { index: 2, producerKey: 'dmi-2#', service: 'dmi-2', dataProducerId: '', refusal: null, operations: ids('3') },
    ])
  })

  it('by the handle of what its path names: up to the "#", without a trailing slash', () => {
    expect(split(['/a#attribute', '/a/', '/a/#action'])).toMatchObject([{ producerKey: 'dmi-1#p1', operations: ids('0', '1', '2') }])
  })

  it('with each path handed on as it came, and the handle\'s module set tag added', () => {
    const [plan] = split(['/a/#x'])
    expect(plan?.operations).toEqual([{ ...exampleOperation({ operationId: '0', path: '/a/#x' }), moduleSetTag: 'tag-a' }])
  })

  it('with duplicates kept', () => {
    expect(split(['/a', '/a', '/a'])).toMatchObject([{ operations: ids('0', '1', '2') }])
  })

  it('to the write service when it writes and one is given, else to the service', () => {
    expect(split(['/a', '/b'], { kind: 'WRITE' })).toMatchObject([
      { producerKey: 'dmi-1#p1', service: 'dmi-1' },
      { producerKey: 'dmi-w#p2', service: 'dmi-w' },
    ])
  })

  it('with what matches no handle, or one that is not ready, in subjobs that no producer is asked for', () => {
    const refused = { service: '', dataProducerId: '' }
    expect(split(['/x', '/a', '/locked', '/y'])).toMatchObject([
      { ...refused, producerKey: '#100', refusal: ResponseCode.HandleNotFound, operations: ids('0', '3') },
      { producerKey: 'dmi-1#p1', refusal: null, operations: ids('1') },
      { ...refused, producerKey: '#101', refusal: ResponseCode.HandleNotReady, operations: [{ operationId: '2', moduleSetTag: 'tag-l' }] },
    ])
  })
})

describe('a producer\'s part is cut into chunks', () => {
  it('of no more operations than allowed, in order, numbered through', () => {
    const plans = split(['/a', '/a', '/a', '/b', '/a', '/a'], { limits: { ...roomy, operationsMax: 2 } })
    expect(plans).toMatchObject([
      { index: 0, producerKey: 'dmi-1#p1', operations: ids('0', '1') },
      { index: 1, producerKey: 'dmi-1#p1', operations: ids('2', '4') },
      { index: 2, producerKey: 'dmi-1#p1', operations: ids('5') },
      { index: 3, producerKey: 'dmi-1#p2', operations: ids('3') },
    ])
  })

  it('of no more bytes than allowed, exactly', () => {
    const bytes = operationBytes(exampleOperation({ operationId: '0', path: '/a' })) + 'tag-a'.length
    const sizes = (bytesMax: number): readonly number[] =>
      split(['/a', '/a', '/a', '/a'], { limits: { ...roomy, bytesMax } }).map((plan) => plan.operations.length)
    expect(sizes(2 * bytes)).toEqual([2, 2])
    expect(sizes(2 * bytes - 1)).toEqual([1, 1, 1, 1])
    expect(sizes(4 * bytes)).toEqual([4])
  })

  it('with an operation that is larger than a chunk alone, and not refused', () => {
    const operations = [
      exampleOperation({ operationId: 'small', path: '/a' }),
      exampleOperation({ operationId: 'large', path: '/a', value: `"${'x'.repeat(5_000)}"` }),
      exampleOperation({ operationId: 'last', path: '/a' }),
    ]
    const plans = splitJob({ tenant: 'default', kind: 'READ', operations }, findHandle, { ...roomy, bytesMax: 1_000 })
    expect(plans.map((plan) => plan.operations.map((each) => each.operationId))).toEqual([['small'], ['large'], ['last']])
  })

  it('where none is asked, too', () => {
    const plans = split(['/x', '/x', '/x'], { limits: { ...roomy, operationsMax: 2 } })
    expect(plans.map((plan) => [plan.refusal, plan.operations.length])).toEqual([[100, 2], [100, 1]])
  })
})

function split(
  paths: readonly string[],
  { kind = 'READ', limits = roomy }: { kind?: 'READ' | 'WRITE'; limits?: SplitLimits } = {},
): readonly SubjobPlan[] {
  const operations = paths.map((path, at): Operation => exampleOperation({ operationId: String(at), path }))
  return splitJob({ tenant: 'default', kind, operations }, findHandle, limits)
}

function ids(...operationIds: readonly string[]): readonly { readonly operationId: string }[] {
  return operationIds.map((operationId) => ({ operationId }))
}
