/** The checker itself: what it passes, and that nothing of what it is there for slips through. */
import { describe, expect, it } from 'vitest'
import type { StoredText } from '../harness/bucket-log.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import { countsOf, type PlannedJob, type PlannedOperation, planJob, statusOf } from '../harness/planned-job.ts'
import type { LoggedRecord } from '../harness/topic-log.ts'

const SUBJOB_OPERATIONS = 4
const job = planJob({ kind: 'READ', destination: 'kafka:results', services: ['north'], operations: 10, jobId: 'job/1', failEvery: 5 })

function subjobs({ operations }: PlannedJob): readonly (readonly PlannedOperation[])[] {
  const count = Math.ceil(operations.length / SUBJOB_OPERATIONS)
  return Array.from({ length: count }, (_, n) => operations.slice(n * SUBJOB_OPERATIONS, (n + 1) * SUBJOB_OPERATIONS))
}

function responses(operations: readonly PlannedOperation[]): unknown[] {
  return operations.map(({ operationId, op, path, code }) => {
    return { operationId, statusCode: code, statusMessage: '', request: { op, path }, result: {} }
  })
}

function summary(): object {
  const total = subjobs(job).length
  const counts = { operations: countsOf(job), subjobs: { total, succeeded: total - 1, partiallyFailed: 1, failed: 0 } }
  return { jobId: job.jobId, status: statusOf(job), counts }
}

function record(offset: number, kind: 'DataJobEvent' | 'DataJobCompletionEvent', id: string, data: unknown): LoggedRecord {
  const type = `org.onap.cps.ncmp.events.async1_0_0.${kind}`
  const headers = {
    ...{ ce_specversion: '1.0', ce_id: `${job.jobId}/${id}`, ce_type: type, ce_dataschema: `urn:cps:${type}:1.0.0` },
    ...{ ce_source: kind === 'DataJobEvent' ? 'dmi.north' : 'datajob', ce_time: '2026-11-22T05:00:00.000Z' },
    ...{ ce_correlationid: job.jobId, ce_destination: 'results', 'content-type': 'application/json' },
  }
  return { topic: 'results', partition: 1, offset, key: job.jobId, value: Buffer.from(JSON.stringify({ data })), headers }
}

function log(): LoggedRecord[] {
  const results = subjobs(job).map((operations, n) => record(n, 'DataJobEvent', `${n}/0`, { responses: responses(operations) }))
  return [...results, record(results.length, 'DataJobCompletionEvent', 'completion', summary())]
}

/** With the result of the first operation in two parts. */
function inParts([first, ...others]: LoggedRecord[]): LoggedRecord[] {
  const reference = '"resultParts":{"id":"job/1/0/result/0","count":2,"bytes":4}'
  const parts = ['MTI=', 'MzQ='].map((part, n) => {
    const plain = record(0.1 * (n + 1), 'DataJobEvent', `0/${n + 1}`, { responses: [], part })
    return { ...plain, headers: { ...plain.headers, ce_partof: 'job/1/0/result/0', ce_partindex: String(n), ce_partcount: '2' } }
  })
  return [rewritten(first!, '"result":{}', reference), ...parts, ...others]
}

describe('the checker of a topic', () => {
  it('passes a job that is as it should be, beside records of others', () => {
    const stranger = { ...log()[0]!, headers: { ce_correlationid: 'another' }, offset: 99 }
    expect(checkTopic(job, [...log(), stranger])).toEqual([])
  })

  it('passes a result in parts', () => {
    expect(checkTopic(job, inParts(log()))).toEqual([])
  })

  const flaws: readonly (readonly [name: string, finding: RegExp, flaw: (records: LoggedRecord[]) => LoggedRecord[]])[] = [
    ['a missing record', /operation "op-0" is missing/, (records) => records.slice(1)],
    ['a record that is there twice', /ce_id job\/1\/0\/0 is there twice/, (records) => [records[0]!, ...records]],
    ['the same results under another id', /operation "op-0" is there 2 times/, (records) => [
      record(9, 'DataJobEvent', '9/0', { responses: responses(job.operations.slice(0, 1)) }),
      ...records,
    ]],
    ['a missing part', /has the parts 1 of 2, not 0 of 2,1 of 2/, (records) => inParts(records).toSpliced(1, 1)],
    ['a part that is cut short', /has 3 bytes, not 4/, (records) => inParts(records).map((each) => rewritten(each, 'MTI=', 'MQ=='))],
    ['parts of nothing', /nobody needs the part/, (records) => inParts(records).map((each) => rewritten(each, 'resultParts', 'other'))],
    ['no completion event', /there are 0 completion events/, (records) => records.slice(0, -1)],
    ['two completion events', /there are 2 completion events/, (records) => [...records, records.at(-1)!]],
    ['a result behind the completion event', /not its last record/, (records) => [...records.slice(1), records[0]!]],
    ['records on two partitions', /on partitions 2, 1/, ([first, ...others]) => [{ ...first!, partition: 2 }, ...others]],
    ['a wrong code', /has code 0 \(\), not 103/, (records) => records.map((each) => rewritten(each, '"statusCode":103', '"statusCode":0'))],
    [
      'a text for a number',
      /operation 1 is missing/,
      (records) => records.map((each) => rewritten(each, '"operationId":1,', '"operationId":"1",')),
    ],
    ['wrong counts', /counts .*"failed":2.*not/s, (records) => records.map((each) => rewritten(each, '"succeeded":8', '"succeeded":9'))],
    [
      'a wrong status',
      /says FINISHED, not PARTIALLY_FAILED/,
      (records) => records.map((each) => rewritten(each, 'PARTIALLY_FAILED', 'FINISHED')),
    ],
    ['another key', /has the key other/, ([first, ...others]) => [{ ...first!, key: 'other' }, ...others]],
    ['a wrong header', /has ce_destination elsewhere, not results/, ([first, ...others]) => [
      { ...first!, headers: { ...first!.headers, ce_destination: 'elsewhere' } },
      ...others,
    ]],
    ['a header too many', /unknown header x/, ([first, ...others]) => [{ ...first!, headers: { ...first!.headers, x: '' } }, ...others]],
  ]

  it.each(flaws)('finds %s', (_name, finding, flaw) => {
    expect(checkTopic(job, flaw(log())).join('\n')).toMatch(finding)
  })
})

/** The two operations that failed are tried again, and the first of them succeeds. */
function triedAgain(): LoggedRecord[] {
  const failed = job.operations.filter(({ code }) => code !== 0)
  const second = failed.map((operation, n) => ({ ...operation, code: n === 0 ? 0 : operation.code }))
  const counts = { operations: { total: 10, succeeded: 9, failed: 1 }, subjobs: { total: 3, succeeded: 2, partiallyFailed: 1, failed: 0 } }
  const last = { jobId: job.jobId, status: 'PARTIALLY_FAILED', counts }
  return [
    ...log(),
    record(10, 'DataJobEvent', '1.2/0', { responses: responses(second) }),
    record(11, 'DataJobCompletionEvent', 'completion.2', last),
  ]
}

describe('the checker of a job of which the plan alone does not tell all', () => {
  const again = { runs: 2, codes: [0] }

  it('passes what failed and was tried again', () => {
    expect(checkTopic(job, triedAgain(), again)).toEqual([])
  })

  it('passes other codes, and a cancellation, where they are expected and counted', () => {
    const cancelled = log().map((each) => rewritten(each, '"statusCode":0', '"statusCode":104'))
    const counted = cancelled.map((each) => rewritten(each, '"succeeded":8,"failed":2', '"succeeded":5,"failed":5'))
    const told = counted.map((each) => rewritten(each, 'PARTIALLY_FAILED', 'CANCELLED'))
    expect(checkTopic(job, told, { codes: [104], cancelled: true })).toEqual([])
    expect(checkTopic(job, told, { codes: [104] }).join()).toMatch(/says CANCELLED, not PARTIALLY_FAILED/)
    expect(checkTopic(job, cancelled, { codes: [104], cancelled: true }).join()).toMatch(/counts .*"failed":2.*"failed":5/)
  })

  it('passes what no producer was asked for because the job was cancelled before it was split, and no other answer of ours', () => {
    const ofOurs = (records: readonly LoggedRecord[]): LoggedRecord[] => {
      return records.map((each) => ({ ...each, headers: { ...each.headers, ce_source: 'datajob' } }))
    }
    const rejected = '"statusCode":104,"statusMessage":"REJECTED: the job was cancelled"'
    const refused = log().map((each) => rewritten(each, /"statusCode":\d+,"statusMessage":""/g, rejected))
    const cancelled = ofOurs(refused).map((each) => rewritten(each, 'PARTIALLY_FAILED', 'CANCELLED'))
    const told = cancelled.map((each) => rewritten(each, '"succeeded":8,"failed":2', '"succeeded":0,"failed":10'))
    expect(checkTopic(job, told, { codes: [104], cancelled: true })).toEqual([])
    expect(checkTopic(job, told, { codes: [104] }).join()).toMatch(/is from datajob, not from dmi.north/)
    expect(checkTopic(job, ofOurs(log()), { codes: [104], cancelled: true }).join()).toMatch(/is from datajob, not from dmi.north/)
  })

  it('finds what was not tried again, tried again though it was done, or has no last word', () => {
    expect(checkTopic(job, log(), again).join()).toMatch(/is there in the runs 1 of 2, not in 1,2/)
    const all = record(10, 'DataJobEvent', '1.2/0', { responses: responses(job.operations) })
    const done = triedAgain().map((each, n) => (n === 4 ? all : each))
    expect(checkTopic(job, done, again).join()).toMatch(/"op-0" is there in the runs 1,2 of 2, not in 1,/)
    expect(checkTopic(job, triedAgain().slice(0, -1), again).join()).toMatch(/1 completion events of 2 runs/)
  })
})

describe('the checker of a bucket', () => {
  it('passes a job that is as it should be', () => {
    expect(checkBucket(job, objects())).toEqual([])
  })

  const flaws: readonly (readonly [name: string, finding: RegExp, flaw: (stored: StoredText[]) => StoredText[]])[] = [
    ['no manifest', /there is no manifest/, (stored) => stored.slice(0, -1)],
    ['an object that is missing', /0000000\.json is in the manifest only/, (stored) => stored.slice(1)],
    ['an object too many', /9\.json is not in the manifest/, (stored) => [{ ...stored[0]!, key: 'job%2F1/0000009.json' }, ...stored]],
    [
      'an object that was written again',
      /not the object of the manifest/,
      ([first, ...others]) => [{ ...first!, etag: 'later' }, ...others],
    ],
    ['a manifest that is not last', /was stored after the manifest/, ([first, ...others]) => [{ ...first!, storedAt: 3 }, ...others]],
    [
      'an operation in two objects',
      /is there 2 times/,
      ([first, second, ...others]) => [first!, { ...second!, value: first!.value }, ...others],
    ],
  ]

  it.each(flaws)('finds %s', (_name, finding, flaw) => {
    expect(checkBucket(job, flaw(objects())).join('\n')).toMatch(finding)
  })
})

function rewritten(each: LoggedRecord, from: string | RegExp, to: string): LoggedRecord {
  return { ...each, value: Buffer.from(String(each.value).replace(from, to)) }
}

function objects(): StoredText[] {
  const stored = subjobs(job).map((operations, n): StoredText => {
    const value = JSON.stringify({ data: { responses: responses(operations) } })
    return { key: `job%2F1/000000${n}.json`, bytes: value.length, etag: `etag-${n}`, storedAt: 1, value }
  })
  const named = stored.map(({ key, bytes, etag }, subjob) => {
    return { key, bytes, etag, subjob, operations: subjobs(job)[subjob]!.length }
  })
  const value = JSON.stringify({ ...summary(), objects: named })
  return [...stored, { key: 'job%2F1/manifest.json', bytes: value.length, etag: 'manifest', storedAt: 2, value }]
}
