import { describe, expect, it } from 'vitest'
import { exampleOperation } from '../../../test/fakes/domain-examples.ts'
import { encodeOperation, encodedBytesMax } from '../../codec/operation-bytes.ts'
import type { Refusal } from '../errors.ts'
import { MemoryBudget } from './memory-budget.ts'
import { OperationWindow } from './operation-window.ts'

const MIB = 1024 * 1024

function encoded(path: string): Buffer {
  const operation = exampleOperation({ path })
  const target = Buffer.alloc(encodedBytesMax(operation))
  return target.subarray(0, encodeOperation(operation, target, 0))
}

describe('a window over operations', () => {
  it('gives them back producer by producer, each producer’s in their order, again and again', () => {
    const window = new OperationWindow({ bytesMax: MIB, memory: new MemoryBudget(10 * MIB) })
    for (let round = 0; round < 3; round += 1) {
      for (const path of ['b1', 'a1', 'b2', 'c1', 'a2', 'b3']) window.add(path.charAt(0), exampleOperation({ path }))
      const drained = [...window.drain()].map((bytes) => Buffer.from(bytes))
      expect(drained).toEqual(['b1', 'b2', 'b3', 'a1', 'a2', 'c1'].map(encoded))
    }
    expect([...window.drain()]).toEqual([])
  })

  it('is full once it holds so many bytes', () => {
    const window = new OperationWindow({ bytesMax: 10_000, memory: new MemoryBudget(10 * MIB) })
    let count = 0
    for (; !window.isFull; count += 1) window.add('p', exampleOperation({ path: 'x'.repeat(1_000) }))
    expect(count).toBe(10)
    expect([...window.drain()]).toHaveLength(10)
    expect(window.isFull).toBe(false)
  })

  it('takes operations of all sizes that a record may have', () => {
    const memory = new MemoryBudget(64 * MIB)
    const window = new OperationWindow({ bytesMax: 8 * MIB, memory })
    const paths = [1, 1_500_000, 900_000, 3, 900_000, 4 * MIB, 5].map((length, at) => String(at).padEnd(length, 'x'))
    for (const path of paths) window.add('p', exampleOperation({ path }))
    expect([...window.drain()].map((bytes) => bytes.equals(encoded(paths.shift() ?? '')))).toEqual(Array.from({ length: 7 }, () => true))
  })

  it('is refused memory that is not there, and gives back what it has', () => {
    const memory = new MemoryBudget(3 * MIB)
    const window = new OperationWindow({ bytesMax: 64 * MIB, memory })
    const fill = (): void => {
      for (let n = 0; n < 10; n += 1) window.add('p', exampleOperation({ path: 'x'.repeat(MIB) }))
    }
    expect(fill).toThrow(expect.objectContaining({ status: 503 } satisfies Partial<Refusal>))
    window.close()
    expect(() => { memory.hold(3 * MIB) }).not.toThrow()
  })
})
