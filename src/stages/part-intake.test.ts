import { describe, expect, it } from 'vitest'
import { coordinator, type CoordinatorLane, dispatchesOf, endOf, PARTS_TIMEOUT_MS, submission } from '../../test/fakes/coordinator-lane.ts'
import { exampleOperation, exampleSubmission } from '../../test/fakes/domain-examples.ts'
import type { AddOperations } from '../domain/messages.ts'

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
      lane.takeAgain(part(1, ['/none'.repeat(50)]), { ...key, offset: 2 }),
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
})
