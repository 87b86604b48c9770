/** Results that are far larger than what the service may hold of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'
import { LARGE_RESULT_SETTINGS, LargeResults, SHAPES } from '../harness/large-result.ts'

const MIB = 1024 * 1024
const RESULT_BYTES = 150 * MIB
const ABOVE_IDLE_BYTES_MAX = 100 * MIB

let installation: Installation
let results: LargeResults

beforeAll(async () => {
  installation = await Installation.open('large', givenStack(), LARGE_RESULT_SETTINGS)
  results = await LargeResults.open(installation)
  for (const shape of SHAPES) await results.measure(shape, 20 * MIB)
}, 240_000)

afterAll(async () => {
  await installation.close()
  await results.close()
})

describe('a result of 150 MiB for a bucket', () => {
  it.each(SHAPES)('is stored whole without being held: %s', async (shape) => {
    const { status, stored, expected, peakBytes, idleBytes } = await results.measure(shape, RESULT_BYTES)
    expect(status).toBe('FINISHED')
    expect(stored).toEqual(expected)
    expect(expected.bytes).toBeGreaterThan(0.99 * RESULT_BYTES)
    expect(peakBytes - idleBytes).toBeLessThan(ABOVE_IDLE_BYTES_MAX)
  }, 240_000)
})
