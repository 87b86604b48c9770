/** What every place for the operations of waiting subjobs promises (src/stages/operation-store.ts). */
import { describe, expect, it } from 'vitest'
import type { RoutedOperation } from '../../src/domain/operation.ts'
import { OperationsReleased, type OperationStore } from '../../src/stages/operation-store.ts'

function operations(count: number, name = 'x'): readonly RoutedOperation[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ operationId: n % 2 === 0 ? n : `${name}-${n}`, op: 'merge', path: `/ManagedElement=${name}/Cell=${n}` },
    ...{ value: n % 3 === 0 ? null : `{"n":${n},"text":"ü\\ud83d"}`, options: n % 5 === 0 ? '{"fields":"a"}' : null, moduleSetTag: 'tag' },
  }))
}

/** `open` gives the store of another lane each time. */
export function exerciseOperationStore(name: string, open: () => OperationStore): void {
  describe(`operations kept ${name}`, () => {
    it('are given back as they were kept, as often as they are asked for', () => {
      const store = open()
      const kept = [store.keep(operations(100, 'one')), store.keep([]), store.keep(operations(3, 'two'))]
      expect(kept.map(({ count }) => count)).toEqual([100, 0, 3])
      for (let again = 0; again < 2; again += 1) {
        expect(kept.map((each) => each.load())).toEqual([operations(100, 'one'), [], operations(3, 'two')])
      }
    })

    it('say about how many bytes they are', () => {
      const store = open()
      const [none, few, many] = [0, 3, 300].map((count) => store.keep(operations(count)))
      const texts = JSON.stringify(operations(300).map((each): unknown => Object.values(each))).length
      expect(none?.bytes).toBeLessThan(few?.bytes ?? 0)
      expect(many?.bytes).toBeGreaterThan(texts / 2)
      expect(many?.bytes).toBeLessThan(texts * 4)
    })

    it('can be released one by one, in any order and twice, and are then given to nobody', () => {
      const store = open()
      const kept = ['a', 'b', 'c'].map((each) => store.keep(operations(5, each)))
      kept[1]?.release()
      kept[1]?.release()
      expect(() => kept[1]?.load()).toThrow(OperationsReleased)
      expect([kept[0]?.load(), kept[2]?.load()]).toEqual([operations(5, 'a'), operations(5, 'c')])
      kept[0]?.release()
      expect(kept[2]?.load()).toEqual(operations(5, 'c'))
    })

    it('are kept as bytes as well, copied from where those were', () => {
      const [store, other] = [open(), open()]
      const larger = Buffer.from('..bytes..')
      const [kept, released, empty] = [store.keepBytes(larger.subarray(2, 7)), store.keepBytes(larger), store.keepBytes(Buffer.alloc(0))]
      const others = other.keepBytes(larger)
      released.release()
      released.release()
      larger.fill('x')
      expect([kept.load().toString(), kept.load().toString(), empty.load().length]).toEqual(['bytes', 'bytes', 0])
      expect(() => released.load()).toThrow(OperationsReleased)
      store.close()
      expect(() => kept.load()).toThrow(OperationsReleased)
      expect(others.load().toString()).toBe('..bytes..')
      expect(store.keepBytes(Buffer.from('late')).load().toString()).toBe('late')
    })

    it('end with their store, and with no other', () => {
      const [store, other] = [open(), open()]
      const [mine, others] = [store.keep(operations(4)), other.keep(operations(4, 'other'))]
      store.close()
      expect(() => mine.load()).toThrow(OperationsReleased)
      expect(others.load()).toEqual(operations(4, 'other'))
    })

    it('are there also when they come after the end, for whoever holds on to them', () => {
      const store = open()
      store.close()
      expect(store.keep(operations(2)).load()).toEqual(operations(2))
    })
  })
}
