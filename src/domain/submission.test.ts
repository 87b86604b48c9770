import { describe, expect, it } from 'vitest'
import { exampleOperation, exampleSubmission } from '../../test/fakes/domain-examples.ts'
import { JOB_ID_RULE } from './ids.ts'
import type { Dependency, SubmitJob } from './messages.ts'
import { READ_OPERATIONS, WRITE_OPERATIONS } from './operation.ts'
import { checkSubmission, type Fault } from './submission.ts'

const rules = { bareNameIs: 'topic', topicPrefix: 'datajob.' } as const
const limits = { operationsMax: 5, pathLengthMax: 20 }

describe('a submission is accepted', () => {
  it('with the destination that was read from it', () => {
    expect(checkSubmission(exampleSubmission(), rules, limits)).toEqual({ ok: true, destination: { type: 'topic', name: 'results' } })
  })

  it('without a job id, without a destination', () => {
    expect(faultOf({ jobId: null, destination: null })).toBeNull()
  })

  it('up to the limits', () => {
    const operations = Array.from({ length: 5 }, (_, i) => exampleOperation({ operationId: i, path: `/${'x'.repeat(19)}` }))
    expect(faultOf({ operations })).toBeNull()
  })

  it.each([
    ['READ', READ_OPERATIONS],
    ['WRITE', WRITE_OPERATIONS],
  ] as const)('a %s job with each of its operations', (kind, ops) => {
    expect(faultOf({ kind, operations: ops.map((op) => exampleOperation({ operationId: op, op })) })).toBeNull()
  })

  it('with the same path twice', () => {
    expect(faultOf({ operations: ['1', '2'].map((operationId) => exampleOperation({ operationId })) })).toBeNull()
  })
})

describe('a submission is refused, and told where and why', () => {
  it.each<[string, Partial<SubmitJob>, Fault]>([
    ['an id that is none', { jobId: '' }, { field: 'jobId', message: JOB_ID_RULE }],
    [
      'a destination of ours',
      { destination: 'datajob.jobs' },
      { field: 'destination', message: expect.stringContaining('are internal') as string },
    ],
    ['no operations', { operations: [] }, { field: 'operations', message: 'a job has at least one operation' }],
    [
      'too many operations',
      { operations: Array.from({ length: 6 }, (_, i) => exampleOperation({ operationId: i })) },
      { field: 'operations', message: '6 operations are more than the 5 allowed' },
    ],
    [
      'a write in a READ job',
      { operations: [exampleOperation(), exampleOperation({ operationId: '2', op: 'merge' })] },
      { field: 'operations[1].op', message: '"merge" is not one of read, which a READ job may hold' },
    ],
    [
      'a read in a WRITE job',
      { kind: 'WRITE' },
      { field: 'operations[0].op', message: '"read" is not one of add, merge, replace, remove, action, which a WRITE job may hold' },
    ],
    ['an empty path', { operations: [exampleOperation({ path: '' })] }, { field: 'operations[0].path', message: 'a path is not empty' }],
    [
      'a path that is too long',
      { operations: [exampleOperation({ path: 'x'.repeat(21) })] },
      { field: 'operations[0].path', message: 'a path of 21 characters is longer than the 20 allowed' },
    ],
    [
      'an operation id that is there twice',
      { operations: [exampleOperation(), exampleOperation()] },
      { field: 'operations[1].operationId', message: '"1" is there twice' },
    ],
    [
      'an operation id that is there as a number and as a text',
      { operations: [exampleOperation({ operationId: 1 }), exampleOperation({ operationId: '1' })] },
      { field: 'operations[1].operationId', message: '"1" is there twice' },
    ],
  ])('%s', (_, changes, fault) => {
    expect(faultOf(changes)).toEqual(fault)
  })

  it('with the value cut where it is long', () => {
    const operationId = 'x'.repeat(200)
    expect(faultOf({ operations: [exampleOperation({ operationId }), exampleOperation({ operationId })] })?.message).toBe(
      `"${'x'.repeat(80)}…" is there twice`,
    )
  })
})

describe('dependencies', () => {
  it.each<[string, readonly Dependency[]]>([
    ['a chain', [wait('2', '1'), wait('3', '2')]],
    ['a diamond', [wait('2', '1'), wait('3', '1'), wait('4', '2', '3')]],
    ['one that is said twice', [wait('2', '1'), wait('2', '1')]],
    ['several entries for one operation', [wait('3', '1'), wait('3', '2')]],
    ['an operation without parents', [wait('1')]],
    ['an id given as a number', [{ operationId: 2, parents: [1] }]],
  ])('may be %s', (_, dependencies) => {
    expect(dependencyFault(dependencies)).toBeNull()
  })

  it.each<[string, readonly Dependency[], string]>([
    ['an operation that waits for itself', [wait('1', '1')], 'the operations 1 → 1 wait for each other'],
    ['two that wait for each other', [wait('1', '2'), wait('2', '1')], 'the operations 1 → 2 → 1 wait for each other'],
    ['a longer circle, not at the start', [wait('1', '2'), wait('2', '3'), wait('3', '4'), wait('4', '2')], '2 → 3 → 4 → 2'],
    ['a circle that only one of two entries closes', [wait('1', '2'), wait('1', '3'), wait('2', '1')], '1 → 2 → 1'],
  ])('are refused: %s', (_, dependencies, message) => {
    expect(dependencyFault(dependencies)).toEqual({ field: 'dependencies', message: expect.stringContaining(message) as string })
  })

  it('are refused where they name an operation that is not there, as child or as parent', () => {
    expect(dependencyFault([wait('2', '1'), wait('x', '1')])).toEqual({
      field: 'dependencies[1]',
      message: '"x" is not an operation of this job',
    })
    expect(dependencyFault([wait('2', 'y')])).toEqual({ field: 'dependencies[0]', message: '"y" is not an operation of this job' })
  })

  it('may be a chain of many thousands: looking for a circle does not recurse', () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => String(i))
    const operations = ids.map((operationId) => exampleOperation({ operationId }))
    const chain = ids.slice(1).map((id, i) => wait(id, String(i)))
    const roomy = { ...limits, operationsMax: ids.length }
    expect(checkSubmission(exampleSubmission({ operations, dependencies: chain }), rules, roomy).ok).toBe(true)
    const circle = [...chain, wait('0', '19999')]
    expect(checkSubmission(exampleSubmission({ operations, dependencies: circle }), rules, roomy).ok).toBe(false)
  })

  it('names a long circle by its beginning', () => {
    const ids = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(100, 'x'))
    const operations = ids.map((operationId) => exampleOperation({ operationId }))
    const dependencies = ids.map((id, i) => wait(id, ids[(i + 1) % ids.length]!))
    const checked = checkSubmission(exampleSubmission({ operations, dependencies }), rules, { ...limits, operationsMax: 100 })
    const message = checked.ok ? '' : checked.fault.message
    expect(message).toMatch(/^the operations 0x+… → 1x+… → 2x+… → 3x+… → 4x+… → … wait for each other$/)
  })
})

function wait(operationId: string, ...parents: string[]): Dependency {
  return { operationId, parents }
}

function dependencyFault(dependencies: readonly Dependency[]): Fault | null {
  return faultOf({ operations: ['1', '2', '3', '4'].map((operationId) => exampleOperation({ operationId })), dependencies })
}

function faultOf(changes: Partial<SubmitJob>): Fault | null {
  const checked = checkSubmission(exampleSubmission(changes), rules, limits)
  return checked.ok ? null : checked.fault
}
