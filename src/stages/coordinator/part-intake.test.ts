import { describe, expect, it } from 'vitest'
import {
  coordinator, type CoordinatorLane, dispatchesOf, endOf, PARTS_TIMEOUT_MS, submission,
} from '../../../test/fakes/coordinator-lane.ts'
import { exampleOperation, exampleSubmission } from '../../../test/fakes/domain-examples.ts'
import { jsonCodec } from '../../../test/fakes/json-codec.ts'
import { recordAt, RecordedTurn } from '../../../test/fakes/recorded-turn.ts'
import type { AddOperations } from '../../domain/messages.ts'
import type { ConcludeJob } from './conclusion.ts'

const key = { key: Buffer.from('job-1') }

function part(number: number, paths: readonly string[]): AddOperations {
  const operations = paths.map((path, at) => exampleOperation({ operationId: `${number}-${at}`, path }))
  return { type: 'AddOperations', submission: 's', part: number, authorization: null, operations }
}

const full = part(0, ['/a', '/a', '/a', '/a', '/b', '/b', '/b', '/b'])

/** Four subjobs are open, all that parts may have; the command is at 0 and the first part at 1. */
function laneWithoutRoom(parts = 3): CoordinatorLane {
  const lane = coordinator()
  lane.take(exampleSubmission({ operations: [], submission: 's', parts, operationCount: 7 + parts }))
  expect(dispatchesOf(lane.take(full, key))).toHaveLength(4)
  return lane
}

function indexes(turn: Parameters<typeof dispatchesOf>[0]): readonly number[] {
  return dispatchesOf(turn).map(({ index }) => index)
}

describe('parts of a large job for which there is no room', () => {
  it('wait, without a record of theirs, while other commands go on', () => {
    const lane = laneWithoutRoom()
    expect(lane.take(part(1, ['/a']), key).silent).toBe(true)
    expect(lane.take(part(2, ['/b']), key).silent).toBe(true)
    expect(dispatchesOf(lane.take(submission(['/a'], { jobId: 'small' })))).toHaveLength(1)
    expect(lane.stage.keptFrom()).toBe(2)
  })

  it('are handed out in their order, one a turn, as room comes', () => {
    const lane = laneWithoutRoom()
    lane.take(part(1, ['/a']), key)
    lane.take(part(2, ['/b']), key)
    expect(indexes(lane.take(endOf(0)))).toEqual([])
    expect(lane.timers.get('portion:')).toBe(lane.now)
    expect(indexes(lane.ring())).toEqual([4])
    expect([lane.stage.keptFrom(), lane.timers.get('portion:')]).toEqual([3, undefined])
    lane.take(endOf(1))
    expect(indexes(lane.ring())).toEqual([5])
    expect(lane.stage.keptFrom()).toBeNull()
  })

  it('are read again after a restart, and only they', () => {
    const lane = laneWithoutRoom()
    lane.take(part(1, ['/a']), key)
    lane.restart()
    expect(lane.stage.keptFrom()).toBeNull()
    const again = [
      lane.takeAgain(exampleSubmission({ jobId: 'job-1', digest: 'other' }), { offset: 0 }),
      lane.takeAgain(full, { ...key, offset: 1 }),
      lane.takeAgain(part(1, ['/a']), { ...key, offset: 2 }),
      lane.takeAgain(part(1, ['/a']), { ...key, offset: 3 }),
      lane.takeAgain({ ...part(2, ['/a']), submission: 'other' }, { ...key, offset: 4 }),
    ]
    expect(again.every(({ silent }) => silent)).toBe(true)
    expect(lane.stage.keptFrom()).toBe(2)
    lane.take(endOf(0))
    expect(indexes(lane.ring())).toEqual([4])
    expect(lane.stage.keptFrom()).toBeNull()
  })

  it('stop the reading of commands when there are too many', () => {
    const lane = laneWithoutRoom(5)
    const loads = [1, 2, 3].map((number) => {
      lane.take(part(number, ['/a']), key)
      return lane.stage.load()
    })
    expect(loads).toEqual([4, 4, Infinity])
    lane.take(endOf(0))
    lane.ring()
    expect(lane.stage.load()).toBe(4)
  })

  it('are not given up for having waited long', () => {
    const lane = laneWithoutRoom()
    lane.take(part(1, ['/a']), key)
    lane.take(part(2, ['/a']), key)
    lane.now += PARTS_TIMEOUT_MS
    expect(lane.ring().silent).toBe(true)
  })

  it.each(['at once', 'after a restart'])('are split before the job ends without those that never came, %s', (when) => {
    const lane = laneWithoutRoom()
    lane.take(part(1, ['/a']), key)
    lane.now += PARTS_TIMEOUT_MS
    const closing = lane.ring().messages('AddOperations')
    expect(closing).toMatchObject([{ part: 3, operations: [] }])
    expect(lane.take(closing[0]!, key).silent).toBe(true)
    expect(lane.take(part(2, ['/a']), key).silent).toBe(true)
    if (when === 'after a restart') {
      lane.restart()
      const kept = [part(1, ['/a']), closing[0]!, part(2, ['/a'])]
      for (const [at, each] of kept.entries()) lane.takeAgain(each, { ...key, offset: 2 + at })
    }
    for (const index of [0, 1, 2, 3]) lane.take(endOf(index, { succeeded: 2 }))
    lane.timers.delete('parts:job-1')
    expect(indexes(lane.ring())).toEqual([4])
    while (lane.timers.has('portion:')) lane.ring()
    lane.take(endOf(4))
    expect(lane.effects).toMatchObject([{ job: { outcome: 'partiallyFailed', operations: { total: 10, succeeded: 9, failed: 1 } } }])
    expect(lane.stage.keptFrom()).toBeNull()
  })

  it('take turns with those of other jobs', () => {
    const lane = laneWithoutRoom(5)
    const other = { key: Buffer.from('job-2') }
    lane.take(exampleSubmission({ jobId: 'job-2', operations: [], submission: 's', parts: 2, operationCount: 2 }))
    lane.take(part(1, ['/a']), key)
    lane.take(part(2, ['/a']), key)
    lane.take(part(0, ['/b']), other)
    const jobs = [0, 1, 2].flatMap((ended) => {
      lane.take(endOf(ended))
      return lane.ring().messages('DispatchSubjob').map(({ jobId }) => jobId)
    })
    expect(jobs).toEqual(['job-1', 'job-2', 'job-1'])
  })

  it('are read only when their turn comes: one that is wrong is set aside then, as it came', () => {
    const lane = laneWithoutRoom(4)
    const origin = { ...key, headers: { from: 'somewhere' }, offset: 2 }
    expect(lane.take(part(1, ['/a'.repeat(100)]), origin).silent).toBe(true)
    expect(lane.take(part(2, ['/a']), { ...key, offset: 3, value: Buffer.from('garbled') }).silent).toBe(true)
    expect(lane.take(part(3, ['/b']), { ...key, offset: 4 }).silent).toBe(true)
    lane.take(endOf(0))
    const { deadLetters } = lane.ring()
    expect(deadLetters).toMatchObject([{ record: origin, cause: expect.stringMatching(/^operations\[0\].path: a path of 200/) as string }])
    expect(deadLetters[0]?.record.value?.toString()).toContain('/a/a/a')
    expect(lane.ring().deadLetters).toMatchObject([{ record: { offset: 3 }, cause: expect.stringContaining('garbled') as string }])
    expect(indexes(lane.ring())).toEqual([4])
    expect(lane.stage.keptFrom()).toBeNull()
  })

  it.each(['the last', 'another'])('do not hold up the end of their job, whichever of them is wrong: %s', (which) => {
    const lane = laneWithoutRoom()
    const wrong = { ...key, value: Buffer.from('garbled') }
    const places = which === 'the last' ? [key, wrong] : [wrong, key]
    for (const [at, place] of places.entries()) lane.take(part(1 + at, ['/a']), place)
    for (const index of [0, 1, 2, 3]) lane.take(endOf(index, { succeeded: 2 }))
    lane.restart()
    for (const [at, place] of places.entries()) lane.takeAgain(part(1 + at, ['/a']), { ...place, offset: 2 + at })
    while (lane.timers.has('portion:')) lane.ring()
    lane.take(endOf(4))
    const counts = { total: 10, succeeded: 9, failed: 1 }
    expect(lane.effects).toMatchObject([{ job: { outcome: 'partiallyFailed', operations: counts } }])
  })

  it('that are all wrong leave a job that has failed', () => {
    const lane = coordinator()
    lane.take(exampleSubmission({ operations: [], submission: 's', parts: 1, operationCount: 7 }))
    expect(lane.take(part(0, ['/a']), { ...key, value: Buffer.from('garbled') }).deadLetters).toHaveLength(1)
    const message = "7 of the job's operations are in no record that can be used"
    expect(lane.effects).toMatchObject([{ job: { outcome: 'failed', message, operations: { total: 7, succeeded: 0, failed: 7 } } }])
  })

  it.each(['at once', 'after a while'])('wait once more for a handle that is missing when they are to be split %s', (when) => {
    const lane = when === 'at once' ? coordinator() : laneWithoutRoom()
    const number = when === 'at once' ? 0 : 1
    if (number === 0) lane.take(exampleSubmission({ operations: [], submission: 's', parts: 2, operationCount: 4 }))
    lane.take(part(number, ['/none', '/a']), key)
    if (number === 1) {
      expect(lane.stage.hasMissed()).toBe(false)
      lane.take(endOf(0))
      expect(dispatchesOf(lane.ring())).toEqual([])
    }
    expect(lane.stage.hasMissed()).toBe(true)
    expect(dispatchesOf(lane.ring())).toMatchObject([{ refusal: 100 }, { refusal: null }])
    expect([lane.stage.hasMissed(), lane.stage.keptFrom()]).toEqual([false, null])
  })

  it('are read past before the next of them is split, though not for ever', () => {
    const lane = coordinator({ portions: { partsWaitingMax: 100, openSubjobsMax: 100 } })
    lane.take(exampleSubmission({ operations: [], submission: 's', parts: 40, operationCount: 40 }))
    const split = Array.from({ length: 20 }, (_, at) => {
      const turn = new RecordedTurn<ConcludeJob>(lane.now)
      for (const message of [part(2 * at, ['/a']), part(2 * at + 1, ['/a'])]) {
        const record = recordAt({ offset: message.part + 1, ...key, value: jsonCodec.encode(message) })
        lane.stage.takeRecord(record, message, turn)
      }
      lane.stage.takeTimer({ kind: 'portion', key: '' }, turn)
      return dispatchesOf(turn).length
    })
    expect(split.slice(0, 11)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    expect(split.filter((dispatched) => dispatched > 0)).toHaveLength(3)
  })
})
