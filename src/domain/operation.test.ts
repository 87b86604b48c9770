import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exampleOperation } from '../../test/fakes/domain-examples.ts'
import { type Operation, operationBytes, operationsOf } from './operation.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 300 })
const operations = fc.record({
  operationId: fc.oneof(text, fc.maxSafeInteger()),
  op: fc.constantFrom('read', 'merge', 'action'),
  path: text,
  value: fc.option(text.map((each) => JSON.stringify(each))),
  options: fc.option(text.map((attributes) => JSON.stringify({ attributes }))),
}) satisfies fc.Arbitrary<Operation>

describe('operationBytes', () => {
  it('counts the texts that vary, beside a fixed part', () => {
    const empty = operationBytes(exampleOperation({ operationId: '', path: '' }))
    expect(operationBytes(exampleOperation({ operationId: 12, path: '/abc', value: '{}', options: '[1]' }))).toBe(empty + 2 + 4 + 2 + 3)
  })

  it('is no less than the bytes of an operation\'s texts', () => {
    fc.assert(
      fc.property(operations, (operation) => {
        const { path, value, options } = operation
        const bytes = Buffer.byteLength(path) + Buffer.byteLength(value ?? '') + Buffer.byteLength(options ?? '')
        expect(operationBytes(operation)).toBeGreaterThanOrEqual(bytes)
      }),
    )
  })
})

describe('operationsOf', () => {
  it('a job reads or writes, never both', () => {
    expect(operationsOf('READ').filter((op) => operationsOf('WRITE').includes(op))).toEqual([])
  })
})
