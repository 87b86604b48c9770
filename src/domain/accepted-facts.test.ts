import { describe, expect, it } from 'vitest'
import { exampleSubmission } from '../../test/fakes/domain-examples.ts'
import { acceptedFacts } from './accepted-facts.ts'
import { jobNumber } from './job-number.ts'
import type { SubmitJob } from './messages.ts'

const place = { partition: 2, offset: 7, timestampMs: 1_234 }
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const settled = { destination: { type: 'bucket', name: 'b' }, attemptsMaxDefault: 4 } as const

describe('acceptedFacts', () => {
  it('takes the number from the record\'s place, and writes the destination with its scheme', () => {
    expect(factsOf({ destination: 'b' })).toMatchObject({ jobId: 'job-1', number: jobNumber(place), destination: 's3:b' })
  })

  it('fills in what the client left out: the attempts allowed, the time of the record', () => {
    expect(factsOf({})).toMatchObject({ attemptsMax: 4, createdAt: 1_234 })
    expect(factsOf({ attemptsMax: 9, createdAt: 99 })).toMatchObject({ attemptsMax: 9, createdAt: 99 })
  })

  it('keeps everything else that was asked for, and not the operations', () => {
    const changes = {
      tenant: 't',
      dialect: 'ogc',
      dialectData: '{}',
      kind: 'WRITE',
      dataAcceptType: 'a',
      dataContentType: 'c',
      priority: 3,
      labels: { team: 'x' },
      deadlineAt: 10,
      submittedBy: 'me',
      traceparent: TRACEPARENT,
      digest: 'd9',
    } as const
    const facts = factsOf(changes)
    expect(facts).toMatchObject(changes)
    expect(facts).not.toHaveProperty('operations')
  })

  it.each([
    '00-1',
    `${TRACEPARENT}\r\nauthorization: mine`,
    TRACEPARENT.toUpperCase(),
    TRACEPARENT.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
  ])('ignores a trace context that is none: %j', (traceparent) => {
    expect(factsOf({ traceparent }).traceparent).toBeNull()
  })
})

function factsOf(changes: Partial<SubmitJob>): ReturnType<typeof acceptedFacts> {
  return acceptedFacts({ ...exampleSubmission(changes), jobId: 'job-1' }, place, settled)
}
