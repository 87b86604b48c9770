import { describe, expect, it } from 'vitest'
import {
  coordinator, type CoordinatorLane, dispatchesOf, endJob, endOf, RETENTION_MS, startOf, states, submission,
} from '../../../test/fakes/coordinator-lane.ts'
import { compacted } from '../../../test/fakes/stage-run.ts'

describe('subjobs that wait for others', () => {
  const diamond = (): CoordinatorLane => {
    const lane = coordinator()
    const dependencies = [
      { operationId: '1', parents: ['0'] },
      { operationId: '2', parents: ['0'] },
      { operationId: '3', parents: ['1', '2'] },
    ]
    const turn = lane.take(submission(['/a', '/a', '/a', '/a'], { dependencies }))
    expect(dispatchesOf(turn).map((each) => each.operationIds)).toEqual([['0']])
    return lane
  }

  it('are dispatched when the last parent has succeeded, each once', () => {
    const lane = diamond()
    expect(dispatchesOf(lane.take(endOf(0))).map((each) => each.index)).toEqual([1, 2])
    expect(dispatchesOf(lane.take(endOf(2)))).toEqual([])
    expect(dispatchesOf(lane.take(endOf(2)))).toEqual([])
    expect(dispatchesOf(lane.take(endOf(1)))).toEqual([{ key: 'dmi-1#p1', index: 3, refusal: null, operationIds: ['3'] }])
    expect(states(lane.take(endOf(3)))).toEqual(['concluding'])
  })

  it('are rejected when a parent did not succeed, and so are their children', () => {
    const lane = diamond()
    expect(dispatchesOf(lane.take(endOf(0, { outcome: 'failed', succeeded: 0, failed: 1 })))).toEqual([
      { key: 'job-1', index: 1, refusal: 104, operationIds: ['1'] },
      { key: 'job-1', index: 2, refusal: 104, operationIds: ['2'] },
    ])
    lane.take(endOf(1, { outcome: 'failed', succeeded: 0, failed: 1 }))
    expect(dispatchesOf(lane.take(endOf(2, { outcome: 'failed', succeeded: 0, failed: 1 })))).toMatchObject([{ index: 3, refusal: 104 }])
  })

  it('stay rejected when only one of several parents failed, whichever ends first', () => {
    for (const [first, second] of [[1, 2], [2, 1]] as const) {
      const lane = diamond()
      lane.take(endOf(0))
      lane.take(endOf(first, { outcome: 'failed', succeeded: 0, failed: 1 }))
      expect(dispatchesOf(lane.take(endOf(second)))).toMatchObject([{ index: 3, refusal: 104 }])
    }
  })

  it('are waited for across a restart, what their parents did included', () => {
    const lane = diamond()
    lane.take(endOf(0))
    lane.take(endOf(1, { outcome: 'failed', succeeded: 0, failed: 1 }))
    lane.restart(compacted(lane.changelog))
    expect(dispatchesOf(lane.take(endOf(2)))).toMatchObject([{ index: 3, refusal: 104 }])
  })

  it('count as held work while they wait', () => {
    const lane = diamond()
    expect(lane.stage.load()).toBe(4)
    lane.take(endOf(0))
    expect(lane.stage.load()).toBe(3)
  })
})

describe('retention', () => {
  it('an ended job is remembered for that long, then its id may be used again', () => {
    const lane = coordinator()
    endJob(lane)
    expect(lane.take(submission(['/a'])).silent).toBe(true)
    expect(lane.timers.get('forget:job-1')).toBe(lane.now + RETENTION_MS)
    const turn = lane.ring()
    expect(turn.stored).toEqual([{ key: 'job:job-1', entry: null }])
    expect(turn.published).toEqual([{ to: 'jobs', key: 'job-1', message: null, options: {} }])
    expect(states(lane.take(submission(['/b'], { digest: 'd2' })))).toEqual(['accepted'])
  })

  it('goes on from the end of the job after a restart', () => {
    const lane = coordinator()
    endJob(lane)
    const until = lane.now + RETENTION_MS
    lane.now += 10_000
    lane.restart()
    expect(lane.timers.get('forget:job-1')).toBe(until)
  })

  it('does not touch a job that took a forgotten id', () => {
    const lane = coordinator()
    endJob(lane)
    lane.ring()
    lane.take(submission(['/a']))
    lane.timers.set('forget:job-1', lane.now)
    expect(lane.ring().silent).toBe(true)
  })
})

describe('a job that its client wants forgotten', () => {
  const forget = { type: 'ForgetJob', jobId: 'job-1', requestedBy: null } as const

  it('is forgotten as its retention would, with what was left for another run, and its id may be used again', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    lane.take(endOf(0))
    lane.take(endOf(1, { outcome: 'failed', succeeded: 0, failed: 1 }))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    const turn = lane.take(forget)
    expect(turn.stored).toEqual([{ key: 'subjob:job-1/1', entry: null }, { key: 'job:job-1', entry: null }])
    expect(turn.published).toEqual([{ to: 'jobs', key: 'job-1', message: null, options: {} }])
    expect([...lane.timers.keys()]).toEqual([])
    expect(lane.take(forget).silent).toBe(true)
    expect(states(lane.take(submission(['/b'], { digest: 'd2' })))).toEqual(['accepted'])
  })

  it('is not while it runs', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    const turn = lane.take(forget)
    expect(turn.deadLetters.map(({ cause }) => cause)).toEqual(['jobId: the job "job-1" has not ended'])
    expect([turn.stored, turn.published]).toEqual([[], []])
  })
})

describe('a restart', () => {
  it('concludes again a job whose last word may not have been written', () => {
    const lane = coordinator()
    lane.take(submission(['/a'], { destination: 's3:results' }))
    lane.take(endOf(0, { object: { key: 'k', bytes: 1, etag: 'e' } }))
    const [before] = lane.takeEffects()
    const turn = lane.restart(compacted(lane.changelog))
    expect(turn.effects).toEqual([before])
  })

  it('begins nothing for a job that runs: its producers\' owners hold its subjobs', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    lane.take(startOf(0))
    expect(lane.restart().silent).toBe(true)
    expect(lane.stage.load()).toBe(2)
  })

  it('stops at a changelog that is not this stage\'s', () => {
    const lane = coordinator()
    expect(() => {
      lane.stage.restore('job:job-1', startOf(0))
    }).toThrow('broken invariant: a SubjobStarted in the coordinator\'s changelog')
  })

  it('stops at subjobs without their job', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    const orphans = lane.changelog.filter((each) => each.key.startsWith('subjob:'))
    expect(() => lane.restart(orphans)).toThrow('broken invariant: subjobs of the unknown job "job-1"')
  })
})
