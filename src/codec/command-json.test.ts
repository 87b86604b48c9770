import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SubmitJob } from '../domain/messages.ts'
import type { Decoded } from './codec.ts'
import { digestOf } from './digest.ts'
import { localCodec } from './local-codec.ts'

const codec = localCodec()

function decode(json: string | Buffer): Decoded {
  const decoded = codec.decodeCommand(typeof json === 'string' ? Buffer.from(json) : json, 42)
  if (decoded instanceof Promise) throw new Error('expected an answer at once')
  return decoded
}

function submission(json: string): SubmitJob {
  const decoded = decode(json)
  if (!decoded.ok) throw new Error(decoded.cause)
  return decoded.message as SubmitJob
}

function cause(json: string | Buffer): string {
  const decoded = decode(json)
  return decoded.ok ? 'none' : decoded.cause
}

const READ = '{"op":"read","path":"/a"}'

describe('a command as JSON', () => {
  test('only operations are required; everything else has the default that its schema says', () => {
    const read = submission(`{"operations":[${READ}]}`)
    expect(read).toEqual({
      type: 'SubmitJob',
      jobId: null,
      tenant: 'default',
      dialect: 'kafka',
      dialectData: null,
      kind: 'READ',
      destination: null,
      dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
      dataContentType: 'application/3gpp-json-patch+json',
      priority: 100,
      labels: {},
      deadlineAt: null,
      attemptsMax: null,
      submittedBy: null,
      traceparent: null,
      digest: digestOf(read),
      createdAt: 42,
      operations: [{ operationId: '1', op: 'read', path: '/a', value: null, options: null }],
      dependencies: [],
      groups: [],
      ...{ strict: false, authorization: null, submission: null, parts: 0, operationCount: 0, callbacks: {}, held: false },
    })
  })

  test('a request to cancel a job, or to try again what failed of it', () => {
    const cancel = { type: 'CancelJob', jobId: 'j', requestedBy: null, subjobs: null }
    expect(decode('{"type":"CancelJob","jobId":"j"}')).toEqual({ ok: true, message: cancel })
    expect(decode('{"type":"CancelJob","jobId":"j","subjobs":[0,2]}')).toEqual({ ok: true, message: { ...cancel, subjobs: [0, 2] } })
    const retry = { type: 'RetryJob', jobId: 'j', requestedBy: 'me', run: 2, authorization: null, priority: 7 }
    expect(decode(JSON.stringify(retry))).toEqual({ ok: true, message: retry })
    const forget = { type: 'ForgetJob', jobId: 'j', requestedBy: null }
    expect(decode('{"type":"ForgetJob","jobId":"j"}')).toEqual({ ok: true, message: forget })
    const release = { type: 'ReleaseJob', jobId: 'j', requestedBy: null, callbacks: { done: 'http://a/' }, subjobs: [0, 2] }
    expect(decode(JSON.stringify({ ...release, requestedBy: undefined }))).toEqual({ ok: true, message: release })
    expect(decode('{"type":"ReleaseJob","jobId":"j"}')).toEqual({ ok: true, message: { ...release, callbacks: {}, subjobs: null } })
  })

  test('whatever is given is taken', () => {
    const given = {
      type: 'SubmitJob',
      jobId: 'j',
      tenant: 't',
      dialect: 'd',
      dialectData: '{}',
      kind: 'WRITE',
      destination: 'kafka:results',
      dataAcceptType: 'a',
      dataContentType: 'c',
      priority: -5,
      labels: { team: 'ran' },
      deadlineAt: 1_800_000_000_000,
      attemptsMax: 2,
      submittedBy: 'me',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      digest: 'ab'.repeat(32),
      createdAt: 7,
      dependencies: [{ operationId: 2, parents: [1, 'x'] }],
      groups: [
        { operations: 1, after: [], retries: 0, retryIntervalMs: 0, generates: false },
        { operations: 2, after: [0], retries: 3, retryIntervalMs: 60_000, generates: true },
      ],
      strict: true,
      authorization: 'token',
    }
    const operations = [
      { operationId: 1, op: 'add', path: '/a', value: { id: '1' } },
      { operationId: 2, op: 'remove', path: '/b' },
      { operationId: 'x', op: 'action', path: '/c#go', value: { input: {} } },
    ]
    expect(submission(JSON.stringify({ ...given, operations }))).toEqual({
      ...given,
      ...{ submission: null, parts: 0, operationCount: 0, callbacks: {}, held: false },
      operations: [
        { operationId: 1, op: 'add', path: '/a', value: '{"id":"1"}', options: null },
        { operationId: 2, op: 'remove', path: '/b', value: null, options: null },
        { operationId: 'x', op: 'action', path: '/c#go', value: '{"input":{}}', options: null },
      ],
    })
  })

  test('any value keeps every byte of its text', () => {
    const spaces = fc.constantFrom('', ' ', '\n\t')
    fc.assert(
      fc.property(fc.json().filter((text) => text !== 'null'), spaces, (value, space) => {
        const json = `{"operations":[{"op":"add","path":"/a","value":${space}${value}${space}}]}`
        expect(submission(json).operations[0]?.value).toBe(value)
      }),
    )
    const exact = '{ "a":12345678901234567890, "b" : 1.50e+3, "c":"\\u00e9\\/", "a":1 }'
    expect(submission(`{"operations":[{"op":"add","path":"/a","value":${exact}}]}`).operations[0]?.value).toBe(exact)
  })

  test('null is the same as leaving it out', () => {
    const operation = '{"operationId":null,"op":"add","path":"/a","value":null}'
    const nulls = `{"jobId":null,"priority":null,"kind":null,"operations":[${operation}]}`
    expect(submission(nulls)).toEqual(submission('{"operations":[{"op":"add","path":"/a"}]}'))
  })

  test("a read's extras are options, wherever they are given", () => {
    const optionsOf = (members: string): string | null | undefined =>
      submission(`{"operations":[{"op":"read","path":"/a",${members}}]}`).operations[0]?.options
    expect(optionsOf('"options": {"fields":"a",  "scopeLevel": 1}')).toBe('{"fields":"a",  "scopeLevel": 1}')
    expect(optionsOf('"scopeLevel":1,"attributes":["x"],"scopeType":"BASE_ALL","filter":"f","fields":"a"')).toBe(
      '{"attributes":["x"],"fields":"a","filter":"f","scopeType":"BASE_ALL","scopeLevel":1}',
    )
  })

  test('a job without a kind reads when all of its operations do, and writes when none does', () => {
    const kindOf = (...ops: string[]): string =>
      submission(JSON.stringify({ operations: ops.map((op) => ({ op, path: '/a' })) })).kind
    expect(kindOf('read', 'read')).toBe('READ')
    expect(kindOf('merge', 'remove')).toBe('WRITE')
    expect(() => kindOf('merge', 'read')).toThrow('kind: 1 of the 2 operations read and the others write')
  })

  test('what was submitted can be handed on in Avro', () => {
    const message = submission(`{"jobId":"j","operations":[${READ},{"operationId":-4503599627370496,"op":"read","path":"/b"}]}`)
    expect(codec.decode(codec.encode(message))).toEqual({ ok: true, message })
  })

  test('spaces before and after it, and members in any order, are fine', () => {
    expect(submission(` \n{"operations" : [ ${READ} ] , "tenant":"t" }\r\n`).tenant).toBe('t')
  })
})

describe('a command that is refused says where and why', () => {
  test.each([
    ['{"operations":[]}', 'operations: a job has an array of at least one operation'],
    ['{}', 'operations: a job has an array of at least one operation'],
    ['{"operations":{}}', 'operations: a job has an array of at least one operation'],
    [`{"operations":[${READ}],"prio":1}`, 'prio: there is no such member, only type, jobId, tenant,'],
    [`{"operations":[${READ}],"priority":1.5}`, 'priority: 1.5 is not a whole number from -2147483648 to 2147483647'],
    [`{"operations":[${READ}],"priority":1,"priority":2}`, 'priority: it is there twice'],
    [`{"operations":[${READ}],"operations":[${READ}]}`, 'second place where the array could be'],
    [`{"operations":[${READ}],"operations":1}`, 'second'],
    [`{"operations":[${READ}],"type":"PauseJob"}`, 'type: "PauseJob" is not one of SubmitJob, CancelJob, AbandonJob, RetryJob'],
    [`{"operations":[${READ}],"type":"CancelJob","jobId":"j"}`, 'operations: there is no such member, only type, jobId, requestedBy'],
    ['{"type":"CancelJob"}', 'jobId: it is missing'],
    ['{"type":"ReleaseJob","jobId":"j","subjobs":[0,-1]}', 'subjobs[1]: -1 is not a whole number from 0 to 2147483647'],
    ['{"type":"RetryJob","jobId":"j","run":0}', 'run: 0 is not a whole number from 1 to 2147483647'],
    [`{"operations":[${READ}],"parts":1}`, 'parts: there is no such member'],
    [`{"operations":[${READ}],"strict":1}`, 'strict: 1 is neither true nor false'],
    [`{"operations":[${READ}],"kind":"READS"}`, 'kind: "READS" is not one of READ, WRITE'],
    [`{"operations":[${READ}],"tenant":1}`, 'tenant: 1 is not a text'],
    [`{"operations":[${READ}],"attemptsMax":0}`, 'attemptsMax: 0 is not a whole number from 1 to 2147483647'],
    [`{"operations":[${READ}],"deadlineAt":"tomorrow"}`, 'deadlineAt: "tomorrow" is not a whole number from 0'],
    [`{"operations":[${READ}],"digest":"x"}`, 'digest: "x" is not a SHA-256 digest'],
    [`{"operations":[${READ}],"labels":["a"]}`, 'labels: ["a"] is not an object'],
    [`{"operations":[${READ}],"labels":{"a":1}}`, 'labels.a: 1 is not a text'],
    [`{"operations":[${READ}],"labels":{"__proto__":"a"}}`, 'labels: "__proto__" can\'t be the name of a label'],
    [`{"operations":[${READ}],"dependencies":[{"operationId":"1"}]}`, 'dependencies[0].parents: nothing is not an array'],
    [`{"operations":[${READ}],"dependencies":[{"operationId":"1","parents":[true]}]}`, 'dependencies[0].parents[0]: true is neither'],
    [`{"operations":[${READ}],"dependencies":[{"operationId":"1","parents":[],"x":1}]}`, 'dependencies[0].x: a dependency has'],
    [`{"operations":[${READ}],"groups":[{"after":[]}]}`, 'groups[0].operations: nothing is not a whole number'],
    [`{"operations":[${READ}],"groups":[{"operations":1,"after":["a"]}]}`, 'groups[0].after[0]: "a" is not a whole number'],
    [`{"operations":[${READ}],"groups":[{"operations":1,"name":"a"}]}`, 'groups[0].name: a group has operations, after, generates'],
    [`{"operations":[${READ},1]}`, 'operations[1]: it is not a JSON object'],
    [`{"operations":[${READ},{"path":"/a"}]}`, 'operations[1].op: it is missing'],
    [`{"operations":[${READ},{"op":"read"}]}`, 'operations[1].path: it is missing'],
    [`{"operations":[${READ},{"op":"raed","path":"/a"}]}`, 'operations[1].op: "raed" is not one of read, add, merge, replace'],
    [`{"operations":[${READ},{"op":"read","path":"/a","valeu":1}]}`, 'operations[1].valeu: there is no such member, only operationId,'],
    [`{"operations":[${READ},{"op":"read","path":"/a","path":"/b"}]}`, 'operations[1].path: it is there twice'],
    [`{"operations":[{"op":"read","path":"/a","value":{"a":tru}}]}`, 'operations[0].value: it is not valid JSON'],
    [`{"operations":[{"op":"read","path":"/a","options":[]}]}`, 'operations[0].options: it is not a valid JSON object'],
    [`{"operations":[{"op":"read","path":"/a","options":{"depth":1}}]}`, 'operations[0].options: "depth" is not one of attributes,'],
    [`{"operations":[{"op":"read","path":"/a","options":{},"fields":"a"}]}`, 'operations[0].options: fields stand beside it'],
    ['{"operations":[{"operationId":1.5,"op":"read","path":"/a"}]}', 'operations[0].operationId: 1.5 is not a whole number'],
    ['{"operations":[{"operationId":1.0,"op":"read","path":"/a"}]}', 'operations[0].operationId: 1.0 is a number with more than digits'],
    ['{"operations":[{"operationId":9007199254740993,"op":"read","path":"/a"}]}', 'from -4503599627370496 to 9007199254740990'],
    ['{"operations":[{"operationId":true,"op":"read","path":"/a"}]}', 'operations[0].operationId: true is neither a text'],
    [`{"operations":[${READ}]`, 'the record is not JSON as it should be: The document ended'],
    [`{"operations":[${READ}]} x`, 'the record is not JSON as it should be'],
    [`{"operations":[{"op":"read","path":"/a","value":${'['.repeat(62)}${']'.repeat(62)}}]}`, 'nested deeper than the 64 levels allowed'],
    ['hello', 'the record starts with byte 0x68'],
    ['[1]', 'the record starts with byte 0x5b'],
  ])('%s', (json, expected) => {
    expect(cause(json)).toContain(expected)
  })

  test('bytes that are no UTF-8', () => {
    const json = Buffer.from(`{"operations":[${READ}],"tenant":"\xff"}`, 'latin1')
    expect(cause(json)).toBe('the record is not JSON: it is not valid UTF-8')
  })

  test('whatever is sent that starts as an object, the answer is a job or a cause', () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', ',', ':', '"operations"', '"op"', '"read"', '"path"', '"/a"', '1', 'null', READ, ' ')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
        expect(decode(`{${parts.join('')}`)).toHaveProperty('ok')
      }),
      { numRuns: 2000 },
    )
  })

  test('a long text is quoted only in part', () => {
    expect(cause(`{"operations":[{"op":"${'x'.repeat(10_000)}","path":"/a"}]}`).length).toBeLessThan(300)
  })
})

describe('the digest', () => {
  const base = `{"jobId":"j","operations":[${READ},{"op":"read","path":"/b","fields":"a"}]}`

  test('is the same for the same request under another id, priority or submitter', () => {
    const other = base.replace('"jobId":"j"', '"jobId":"k","priority":1,"submittedBy":"me","labels":{"a":"b"},"createdAt":9')
    expect(submission(other).digest).toBe(submission(base).digest)
  })

  test.each([
    ['tenant', '"tenant":"t"'],
    ['destination', '"destination":"kafka:x"'],
    ['accept type', '"dataAcceptType":"x"'],
    ['content type', '"dataContentType":"x"'],
    ['dependencies', '"dependencies":[{"operationId":"2","parents":["1"]}]'],
    ['groups', '"groups":[{"operations":1}]'],
  ])('differs with the %s', (_, member) => {
    expect(submission(base.replace('"jobId":"j"', member)).digest).not.toBe(submission(base).digest)
  })

  test('differs with an operation, its options and the order', () => {
    const digests = [
      base,
      base.replace('"/b"', '"/c"'),
      base.replace('"fields":"a"', '"fields":"b"'),
      base.replace('"path":"/b"', '"operationId":2,"path":"/b"'),
      `{"operations":[{"operationId":"2","op":"read","path":"/b","fields":"a"},{"operationId":"1","op":"read","path":"/a"}]}`,
    ].map((json) => submission(json).digest)
    expect(new Set(digests).size).toBe(digests.length)
  })
})
