import { describe, expect, it } from 'vitest'
import { ResultMemory } from './result-memory.ts'

/** Who has been let in so far, in order. */
function visitors(memory: ResultMemory, names: readonly string[]): string[] {
  const inside: string[] = []
  for (const name of names) void memory.room().then(() => inside.push(name))
  return inside
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('the memory for results', () => {
  it('lets in whoever comes while it is not full, one result beyond included', async () => {
    const memory = new ResultMemory(100)
    memory.hold(99)
    const inside = visitors(memory, ['a', 'b'])
    await settled()
    expect(inside).toEqual(['a', 'b'])
  })

  it('holds everybody back while it is full, until enough was let go', async () => {
    const memory = new ResultMemory(100)
    const [first, second] = [memory.hold(80), memory.hold(80)]
    const inside = visitors(memory, ['a', 'b'])
    await settled()
    expect(inside).toEqual([])
    first()
    first()
    await settled()
    expect(inside).toEqual(['a', 'b'])
    memory.hold(20)
    const late = visitors(memory, ['c'])
    await settled()
    expect(late).toEqual([])
    second()
    await settled()
    expect(late).toEqual(['c'])
  })
})
