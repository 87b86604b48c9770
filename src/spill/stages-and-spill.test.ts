import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { coordinator, endOf } from '../../test/fakes/coordinator-lane.ts'
import { answerTo, dispatcher, drain } from '../../test/fakes/dispatcher-lane.ts'
import { exampleDispatch, exampleOperation, exampleRoutedOperation, exampleSubmission } from '../../test/fakes/domain-examples.ts'
import { OperationSpill } from './operation-spill.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datajob-spill-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function spillOf(memoryBytesMax: number): OperationSpill {
  return new OperationSpill({ folder, memoryBytesMax, events: { troubled: () => undefined, recovered: () => undefined } })
}

describe.each([
  ['memory', Infinity],
  ['files', 0],
])('operations that wait, in %s', (_, memoryBytesMax) => {
  it('are kept by a dispatcher until their subjob has ended, and are what its producer is sent', () => {
    const spill = spillOf(memoryBytesMax)
    const lane = dispatcher({ store: spill.open() })
    const operations = [exampleRoutedOperation({ operationId: 7 }), exampleRoutedOperation({ operationId: 'x', value: '{}' })]
    lane.take(exampleDispatch({ operations }))
    expect(spill.memoryBytes + spill.fileBytes).toBeGreaterThan(0)
    expect(lane.effects.map((effect) => effect.operations.load())).toEqual([operations])
    drain(lane)
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([0, 0])
  })

  it('are given back when a dispatcher ends, and are there again in its next life', () => {
    const spill = spillOf(memoryBytesMax)
    const stores = [spill.open(), spill.open()]
    const [first] = stores
    const lane = dispatcher({ store: first! })
    for (let index = 0; index < 5; index += 1) lane.take(exampleDispatch({ index }))
    const before = spill.memoryBytes + spill.fileBytes
    lane.stage.close()
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([0, 0])
    const next = dispatcher({ store: stores[1]! })
    next.restart(lane.changelog)
    expect(spill.memoryBytes + spill.fileBytes).toBe(before)
    for (const effect of [...next.effects]) next.complete(answerTo(effect))
  })

  it('are kept by a coordinator as long as what failed may be tried again', () => {
    const spill = spillOf(memoryBytesMax)
    const lane = coordinator({ store: spill.open() })
    lane.take(exampleSubmission({ operations: [exampleOperation()] }))
    expect(spill.memoryBytes + spill.fileBytes).toBe(0)
    lane.take(endOf(0, { outcome: 'failed', succeeded: 0, failed: 1, failedOperations: [exampleRoutedOperation()] }))
    expect(spill.memoryBytes + spill.fileBytes).toBeGreaterThan(0)
    lane.stage.close()
    expect([spill.memoryBytes, spill.fileBytes]).toEqual([0, 0])
  })
})
