import { describe, expect, it } from 'vitest'
import type { InputRecord } from '../../kafka/port.ts'
import { COMPLETION_TYPE, RESULT_TYPE } from '../../sinks/kafka/event-headers.ts'
import type { Manifest } from '../results/manifest.ts'
import { countExpected, demoJobs, type DemoJob } from './demo-jobs.ts'
import { FAULTY_SERVICE, serviceOf } from './network.ts'
import { checkEvents, checkObjects } from './verify.ts'

const jobs = demoJobs({ run: 'demo-1', topic: 'results', bucket: 'bucket' })
const faulty = jobs[2]!
const write = jobs[1]!

function valueOf(operations: DemoJob['operations']): Buffer {
  const responses = operations.map(({ operationId, op, path, succeeds }) => ({
    ...{ operationId, statusCode: succeeds ? 0 : 103, statusMessage: 'as it came' },
    request: { op, path },
    result: {},
  }))
  return Buffer.from(JSON.stringify({ data: { responses } }))
}

let offset = 0
function record(job: DemoJob, value: Buffer | string, headers: Record<string, string>): InputRecord {
  offset += 1
  const all = { ce_correlationid: job.jobId, ce_destination: 'results', ce_id: String(offset), ...headers }
  return {
    topic: 'results',
    partition: 1,
    offset,
    key: Buffer.from(job.jobId),
    value: Buffer.from(value),
    headers: all,
    timestampMs: 0,
  }
}

const result = (job: DemoJob, operations: DemoJob['operations']): InputRecord =>
  record(job, valueOf(operations), { ce_type: RESULT_TYPE })

function completion(job: DemoJob): InputRecord {
  const data = { status: 'PARTIALLY_FAILED', counts: { operations: countExpected(job) } }
  return record(job, JSON.stringify({ data }), { ce_type: COMPLETION_TYPE })
}

function events(job: DemoJob): InputRecord[] {
  return [result(job, job.operations.slice(0, 40)), result(job, job.operations.slice(40)), completion(job)]
}

describe('the jobs of the demo', () => {
  it('name each operation once, and fail where the third service is asked for the faulty cell', () => {
    expect(jobs.map(countExpected)).toEqual([
      { total: 500, succeeded: 500, failed: 0 },
      { total: 500, succeeded: 500, failed: 0 },
      { total: 150, succeeded: 128, failed: 22 },
    ])
    for (const { operations } of jobs)
      expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
    const elements = faulty.operations
      .filter(({ succeeds }) => !succeeds)
      .map(({ path }) => Number(/NE(\d+)/.exec(path)?.[1]) - 1)
    expect(new Set(elements.map(serviceOf))).toEqual(new Set([FAULTY_SERVICE]))
  })
})

describe('checkEvents', () => {
  it('finds nothing where all is as it should be, whatever else is on the topic', () => {
    const [first, ...others] = events(faulty)
    expect(checkEvents(faulty, [first!, ...events(jobs[0]!), ...others])).toEqual([])
  })

  it('finds an operation that is missing, twice there or unknown', () => {
    const [one, two] = faulty.operations
    const missing = events(faulty)
    missing[0] = result(faulty, faulty.operations.slice(1, 40))
    expect(checkEvents(faulty, missing)).toEqual([`operation ${one!.operationId} was not reported`])
    expect(checkEvents(faulty, [result(faulty, [two!]), ...events(faulty)])).toEqual([
      `operation ${two!.operationId} was reported 2 times`,
    ])
    const stranger = result(faulty, [{ ...two!, operationId: 'other' }])
    expect(checkEvents(faulty, [stranger, ...events(faulty)])).toEqual([
      'operation other was reported but not submitted',
    ])
  })

  it('finds an operation that came out otherwise, or for another path', () => {
    const [first, ...rest] = faulty.operations
    const otherwise = [result(faulty, [{ ...first!, succeeds: false }, ...rest]), completion(faulty)]
    expect(checkEvents(faulty, otherwise)).toEqual([`operation ${first!.operationId} was to succeed, but has code 103`])
    const elsewhere = [result(faulty, [{ ...first!, path: '/else' }, ...rest]), completion(faulty)]
    expect(checkEvents(faulty, elsewhere)).toEqual([
      `operation ${first!.operationId} was reported for /else, not for ${first!.path}`,
    ])
  })

  it('finds a completion event that is missing, there twice, not last or wrong', () => {
    const [first, second, last] = events(faulty)
    expect(checkEvents(faulty, [first!, second!])).toEqual(['there are 0 completion events'])
    expect(checkEvents(faulty, [first!, second!, last!, completion(faulty)])).toEqual(['there are 2 completion events'])
    expect(checkEvents(faulty, [first!, last!, second!])).toEqual(['the completion event is not the last one'])
    const wrong = record(faulty, '{"data":{"status":"FINISHED","counts":{"operations":{"total":1}}}}', {
      ce_type: COMPLETION_TYPE,
    })
    expect(checkEvents(faulty, [first!, second!, wrong])[0]).toMatch(/^the completion event counts 1 operations/)
  })

  it('finds an event that is there again, for another destination, or unreadable', () => {
    const again = events(faulty)
    again[1] = { ...again[1]!, headers: { ...again[1]!.headers, ce_id: again[0]!.headers['ce_id']! } }
    expect(checkEvents(faulty, again)).toEqual(['3 events have only 2 different ids'])
    const elsewhere = events(faulty)
    elsewhere[0] = { ...elsewhere[0]!, headers: { ...elsewhere[0]!.headers, ce_destination: 'other' } }
    expect(checkEvents(faulty, elsewhere)[0]).toMatch(/names the destination "other"$/)
    expect(checkEvents(faulty, [record(faulty, 'x', { ce_type: RESULT_TYPE }), ...events(faulty)])).toEqual([
      "1 events can't be read",
    ])
  })
})

describe('checkObjects', () => {
  const key = 'demo-1-write/0000000.json'
  const value = valueOf(write.operations)
  const manifest = {
    jobId: write.jobId,
    status: 'FINISHED',
    counts: { operations: countExpected(write), subjobs: { total: 1, succeeded: 1, partiallyFailed: 0, failed: 0, cancelled: 0 } },
    startedAt: '',
    finishedAt: '',
    objects: [{ key, bytes: value.length, etag: 'e', subjob: 0, operations: write.operations.length }],
  } satisfies Manifest
  const found = { manifest, keys: [key, 'demo-1-write/manifest.json'], objects: [{ key, value }] }

  it('finds nothing where all is as it should be', () => {
    expect(checkObjects(write, found)).toEqual([])
  })

  it('finds an object that the manifest does not name, or that is not as it says', () => {
    expect(checkObjects(write, { ...found, keys: [...found.keys, 'demo-1-write/x.json'] })).toEqual([
      'demo-1-write/x.json is not in the manifest',
    ])
    const short = { ...found, objects: [{ key, value: valueOf(write.operations.slice(1)) }] }
    expect(checkObjects(write, short)).toEqual([
      `${key} is not as the manifest says`,
      'operation write-1 was not reported',
    ])
  })

  it('finds a manifest that counts otherwise', () => {
    const counts = { ...manifest.counts, operations: { total: 500, succeeded: 499, failed: 1 } }
    expect(checkObjects(write, { ...found, manifest: { ...manifest, counts } })).toEqual([
      'the manifest counts 500 operations, 499 succeeded, 1 failed; not 500 operations, 500 succeeded, 0 failed',
    ])
  })
})
