import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { exerciseOperationStore } from '../../test/contract/operation-store.ts'
import type { RoutedOperation } from '../domain/operation.ts'
import { type KeptOperations, OperationsReleased } from '../stages/operation-store.ts'
import { OperationSpill, SpillFailure } from './operation-spill.ts'
import { packOperations } from './packed-operations.ts'

/** Of what is so small that it is a string. */
const PLACE_OVERHEAD_BYTES = 96

let folder: string
const troubled = vi.fn()
const recovered = vi.fn()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datajob-spill-'))
  vi.clearAllMocks()
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function spillOf(memoryBytesMax: number, segmentBytes?: number): OperationSpill {
  return new OperationSpill({
    folder: join(folder, 'operations'),
    memoryBytesMax,
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    events: { troubled, recovered },
  })
}

function operations(count: number, name = 'x'): readonly RoutedOperation[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ operationId: n % 2 === 0 ? n : `${name}-${n}`, op: 'merge', path: `/ManagedElement=${name}/Cell=${n}` },
    ...{ value: n % 3 === 0 ? null : `{"n":${n},"text":"ü\\ud83d"}`, options: n % 5 === 0 ? '{"fields":"a"}' : null, moduleSetTag: 'tag' },
  }))
}

/** A folder that nothing can be written to, for root neither: it is a file. */
function breakFolder(): void {
  writeFileSync(join(folder, 'operations'), '')
}

exerciseOperationStore('in memory', () => spillOf(Infinity).open())
exerciseOperationStore('in files', () => spillOf(0).open())

describe('OperationSpill', () => {
  it('writes files only beyond its budget, which all lanes share', () => {
    const packed = packOperations(operations(10)).length + PLACE_OVERHEAD_BYTES
    const spill = spillOf(3 * packed)
    const lanes = [spill.open(), spill.open()] as const
    const first = lanes[0].keep(operations(10))
    lanes[1].keep(operations(10))
    lanes[0].keep(operations(10))
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([3 * packed, 0])
    expect(existsSync(join(folder, 'operations'))).toBe(false)
    lanes[1].keep(operations(10))
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([3 * packed, packed - PLACE_OVERHEAD_BYTES])
    first.release()
    lanes[1].keep(operations(10))
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([3 * packed, packed - PLACE_OVERHEAD_BYTES])
  })

  it('leaves nothing behind that a killed process would have to remove', () => {
    const kept = spillOf(0).open().keep(operations(10))
    expect(readdirSync(join(folder, 'operations'))).toEqual([])
    expect(kept.load()).toEqual(operations(10))
  })

  it('gives a file back once nothing in it is needed', () => {
    const spill = spillOf(0, 1_000)
    const store = spill.open()
    const kept = Array.from({ length: 10 }, () => store.keep(operations(10)))
    const full = spill.fileBytes
    expect(full).toBeGreaterThan(5_000)
    kept.slice(0, 9).forEach((each) => {
      each.release()
    })
    expect(spill.fileBytes).toBeLessThan(full / 2)
    expect(kept[9]?.load()).toEqual(operations(10))
    kept[9]?.release()
    expect(spill.fileBytes).toBe(0)
    expect(store.keep(operations(2)).load()).toEqual(operations(2))
  })

  it.each([
    ['in memory', Infinity],
    ['in a file', 0],
  ])('refuses to load what was released, and releases it once, %s', (_, memoryBytesMax) => {
    const spill = spillOf(memoryBytesMax)
    const store = spill.open()
    const [one, other] = [store.keep(operations(4, 'one')), store.keep(operations(4, 'other'))]
    one.release()
    one.release()
    expect(() => one.load()).toThrow(OperationsReleased)
    expect(other.load()).toEqual(operations(4, 'other'))
    other.release()
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([0, 0])
  })

  it('gives back all that a lane has kept when the lane ends, and nothing of its neighbours', () => {
    const spill = spillOf(2_000)
    const [ended, neighbour] = [spill.open(), spill.open()]
    const lost = Array.from({ length: 10 }, () => ended.keep(operations(5)))
    const kept = neighbour.keep(operations(5, 'kept'))
    ended.close()
    ended.close()
    for (const each of lost) expect(() => each.load()).toThrow(OperationsReleased)
    expect(kept.load()).toEqual(operations(5, 'kept'))
    kept.release()
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([0, 0])
  })

  it('holds on to nothing that a lane keeps after its end', () => {
    const spill = spillOf(1_000)
    const store = spill.open()
    store.close()
    expect(store.keep(operations(100)).load()).toEqual(operations(100))
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([0, 0])
  })

  it('takes memory while files cannot be written, says so once, and returns to files', () => {
    breakFolder()
    const spill = spillOf(2_000)
    const store = spill.open()
    const kept = Array.from({ length: 5 }, () => store.keep(operations(10)))
    expect(spill.memoryBytes).toBeGreaterThan(2_000)
    expect([troubled.mock.calls.length, recovered.mock.calls.length]).toEqual([1, 0])
    rmSync(join(folder, 'operations'))
    kept.push(store.keep(operations(10)))
    expect(spill.fileBytes).toBeGreaterThan(0)
    expect([troubled.mock.calls.length, recovered.mock.calls.length]).toEqual([1, 1])
    for (const each of kept) expect(each.load()).toEqual(operations(10))
  })

  it('fails the lane, to be started again later, once memory is full as well', () => {
    breakFolder()
    const spill = spillOf(2_000)
    const store = spill.open()
    const fill = (): void => {
      for (let n = 0; n < 100; n += 1) store.keep(operations(10))
    }
    expect(fill).toThrow(SpillFailure)
    expect(fill).toThrow(/can't be written below ".*operations" \(.+\); \d+ bytes are in memory, 2000 are meant to be at most/)
    expect(fill).toThrow(expect.objectContaining({ disposition: 'restart' }))
    expect(spill.memoryBytes).toBeLessThanOrEqual(8_000)
    store.close()
    expect(spill.memoryBytes).toBe(0)
  })

  it('answers like a map, whatever is kept, loaded and released in whichever lane', () => {
    const step = fc.record({
      what: fc.constantFrom('keep', 'keep', 'load', 'release', 'close'),
      lane: fc.nat({ max: 2 }),
      which: fc.nat(),
      count: fc.nat({ max: 12 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 6_000 }), (steps, memoryBytesMax) => {
        const spill = spillOf(memoryBytesMax, 2_000)
        const lanes = [spill.open(), spill.open(), spill.open()]
        const model = new Map<KeptOperations, { readonly lane: number; readonly expected: readonly RoutedOperation[] }>()
        for (const [n, { what, lane, which, count }] of steps.entries()) {
          const known = [...model.keys()][model.size === 0 ? 0 : which % model.size]
          if (what === 'keep') {
            const expected = operations(count, `step-${n}`)
            model.set(lanes[lane]!.keep(expected), { lane, expected })
          } else if (what === 'load' && known !== undefined) {
            expect(known.load()).toEqual(model.get(known)?.expected)
          } else if (what === 'release' && known !== undefined) {
            known.release()
            model.delete(known)
            expect(() => known.load()).toThrow(OperationsReleased)
          } else if (what === 'close') {
            lanes[lane]!.close()
            lanes[lane] = spill.open()
            for (const [kept, each] of model) if (each.lane === lane) model.delete(kept)
          }
        }
        expect(spill.memoryBytes).toBeLessThanOrEqual(memoryBytesMax)
        for (const [kept, { expected }] of model) expect(kept.load()).toEqual(expected)
        for (const lane of lanes) lane.close()
        expect([spill.memoryBytes, spill.fileBytes]).toEqual([0, 0])
      }),
      { numRuns: 200 },
    )
  })
})
