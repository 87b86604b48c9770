import { describe, expect, test } from 'vitest'
import { coordinator, endOf, startOf, submission } from '../../../test/fakes/coordinator-lane.ts'
import type { RecordedTurn } from '../../../test/fakes/recorded-turn.ts'
import type { ConcludeJob } from './conclusion.ts'

function notices(turn: RecordedTurn<ConcludeJob>): readonly string[] {
  return turn.messages('JobNotice').map(({ job, previous, report }) => report?.type ?? `${previous ?? 'none'} → ${job.state}`)
}

describe('of a job with callbacks', () => {
  const asked = submission(['/a', '/b'], { callbacks: { done: 'http://example.org/' } })

  test('each change of its state and each report of a subjob is told, in the turn that makes it', () => {
    const lane = coordinator()
    expect(notices(lane.take(asked))).toEqual(['none → accepted'])
    expect(notices(lane.take(startOf(0)))).toEqual(['SubjobStarted', 'accepted → running'])
    expect(notices(lane.take(startOf(1)))).toEqual(['SubjobStarted'])
    expect(notices(lane.take(endOf(0)))).toEqual(['SubjobEnded'])
    expect(notices(lane.take(endOf(1)))).toEqual(['SubjobEnded', 'running → concluding'])
    expect(notices(lane.complete({ jobId: 'job-1', records: [], message: null }))).toEqual(['concluding → ended'])
  })

  test('what is repeated or comes too late is not told again', () => {
    const lane = coordinator()
    lane.take(asked)
    lane.take(endOf(0))
    expect(notices(lane.take(asked))).toEqual([])
    expect(notices(lane.take(endOf(0)))).toEqual([])
    expect(notices(lane.restart())).toEqual([])
  })

  test('operations that failed are not told: they may be as many as a record holds', () => {
    const lane = coordinator()
    lane.take(asked)
    const failedOperations = [{ operationId: '0', op: 'read' as const, path: '/a', value: null, options: null, moduleSetTag: '' }]
    const turn = lane.take(endOf(0, { outcome: 'failed', succeeded: 0, failed: 1, failedOperations }))
    expect(turn.messages('JobNotice')[0]?.report).toMatchObject({ outcome: 'failed', failedOperations: [] })
  })
})

test('of a job without callbacks nothing is told', () => {
  const lane = coordinator()
  const turns = [lane.take(submission(['/a'])), lane.take(startOf(0)), lane.take(endOf(0))]
  expect(turns.flatMap(notices)).toEqual([])
})
