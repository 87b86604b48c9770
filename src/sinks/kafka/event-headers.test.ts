import { describe, expect, it } from 'vitest'
import { COMPLETION_TYPE, type EventAttributes, eventHeaders, EventHeaders, RESULT_TYPE } from './event-headers.ts'

const first: EventAttributes = {
  ...{ id: 'job-1/0/0', type: RESULT_TYPE, service: 'ran-1', time: '2026-01-02T03:04:05.678Z', jobId: 'job-1' },
  ...{ destination: 'results', traceparent: null, part: null },
}

const others: readonly EventAttributes[] = [
  first,
  { ...first, id: 'job-2/7.2/1', time: '2027-12-31T23:59:59.999Z', jobId: 'job-2' },
  { ...first, id: 'é "1"\n/0/0', jobId: 'é "1"\n' },
  { ...first, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  { ...first, part: { of: 'job-1/0/result/0', index: 0, count: 12 } },
  { ...first, id: 'job-1/0/9', part: { of: 'job-1/0/result/1', index: 11, count: 12 }, traceparent: '00-1-2-01' },
  { ...first, service: '' },
  { ...first, service: 'ö b' },
  { ...first, destination: 'other' },
  { ...first, id: 'job-1/completion', type: COMPLETION_TYPE, service: '' },
]

describe('the headers of an event', () => {
  it('are those that the library makes of it, in their order, whatever events came before', () => {
    const headers = new EventHeaders()
    for (const attributes of [...others, ...others.toReversed()]) {
      expect(Object.entries(headers.of(attributes))).toEqual(Object.entries(eventHeaders(attributes)))
    }
  })

  it('stay so when more kinds came than are remembered', () => {
    const headers = new EventHeaders()
    for (let n = 0; n < 1_500; n += 1) headers.of({ ...first, destination: `topic-${n}` })
    expect(headers.of(first)).toEqual(eventHeaders(first))
  })
})
