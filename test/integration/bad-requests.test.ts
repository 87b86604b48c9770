/** What REST makes of bad input: an answer that names the field and the limit, and nothing that was written. */
import { randomUUID } from 'node:crypto'
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, planJob } from '../harness/planned-job.ts'
import { exchange, send } from '../harness/raw-http.ts'
import type { TopicLog } from '../harness/topic-log.ts'

const JOBS = '/ranoam/cm/v1/dataJob'
const JSON_TYPE = { 'content-type': 'application/json' }
const PATH_LENGTH_MAX = 4_096

let installation: Installation
let service: Service
let results: TopicLog
let commands: TopicLog
/** The jobs that were taken; there are no commands but theirs. */
const taken: string[] = []

beforeAll(async () => {
  installation = await Installation.open('bad-requests', givenStack())
  service = await installation.service('service')
  await service.client.ready()
  await installation.network(service.client, 'north')
  results = await installation.resultTopic('results')
  commands = await installation.follow(`${installation.prefix}commands`)
})

afterAll(async () => {
  await installation.close()
})

/** Bytes of a body: what is given as text may hold any byte as `\xNN`. */
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const data = (...operations: string[]): string => `{"data":[${operations.join(',')}]}`
const read = (members: string): string => `{"op":"read",${members}}`
const write = (value: string): string => `{"op":"add","path":"/a","value":${value}}`
const READ = read('"path":"/a"')
/** Small when packed; nobody is to find out how large it is unpacked. */
const BOMB = Buffer.alloc(32 * 1024 * 1024, '[')

/** A body, what is said about it, and the status where it is not 400. */
type BodyRow = readonly [what: string, body: string | Buffer, said: RegExp, status?: number]
type DestinationRow = readonly [what: string, destination: string, status: number, said: RegExp, body?: string]
type TypeRow = readonly [what: string, body: string | Buffer, headers: Readonly<Record<string, string>>, said: RegExp]

interface Submission {
  readonly body: string | Buffer
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function refusal({ body, query = '', headers = JSON_TYPE }: Submission, status = 400): Promise<string> {
  const sent = typeof body === 'string' ? bytes(body) : body
  const answer = await send(`${service.client.url}${JOBS}${query}`, { headers, body: sent })
  expect(answer).toMatchObject({
    status,
    body: {
      status: expect.stringMatching(new RegExp(`^${status} [A-Z_]+$`)) as string,
      message: expect.stringMatching(/./) as string,
      details: expect.any(String) as string,
    },
  })
  const { message, details } = answer.body as { readonly message: string; readonly details: string }
  return `${message}\n${details}`
}

const members: readonly BodyRow[] = [
  ['an unknown member', `{"data":[${READ}],"colour":1}`, /^colour: there is no such member, only jobId, /],
  [
    'an unknown member of an operation',
    data(read('"path":"/a","valeu":1')),
    /^data\[0\]\.valeu: there is no such member, only operationId, /,
  ],
  ['a member with a name that objects have anyway', `{"data":[${READ}],"__proto__":{}}`, /^__proto__: there is no such member/],
  ['a member twice', `{"jobId":"a","jobId":"b","data":[${READ}]}`, /^jobId: it is there twice/],
  ['a member of an operation twice', data(read('"path":"/a","path":"/b"')), /^data\[0\]\.path: it is there twice/],
  ['its operations twice', `{"data":[${READ}],"data":[${READ}]}`, /second place where the array could be/],
  ['two kinds of requests', `{"dataJobReadRequest":{"data":[${READ}]},"dataJobWriteRequest":{"data":[]}}`, /exactly one of|second place/],
  ['no operations', data(), /^data: .*at least one operation/],
  ['no member for operations', '{"jobId":"a"}', /exactly one of data, dataJobReadRequest, dataJobWriteRequest/],
  ['an object for operations', '{"data":{}}', /^data: a job has an array of operations/],
  ['a text for an operation', data('"read"'), /^data\[0\]: it is not a JSON object/],
  ['a number for an id', `{"jobId":5,"data":[${READ}]}`, /^jobId: 5 is not a text/],
  ['an id that no path can hold', `{"jobId":"..","data":[${READ}]}`, /^jobId: ".." cannot be part of a path/],
  ['an id that is too long', `{"jobId":"${'a'.repeat(257)}","data":[${READ}]}`, /^jobId: .*256/],
  ['an id with a control character', `{"jobId":"a\\u0000b","data":[${READ}]}`, /^jobId: .*control/],
  ['a media type that is none', `{"datacontenttype":"json","data":[${READ}]}`, /^datacontenttype: "json" is not a media type/],
]

const operations: readonly BodyRow[] = [
  ['no path', data(READ, '{"op":"read"}'), /^data\[1\]\.path: it is missing/],
  ['no op', data('{"path":"/a"}'), /^data\[0\]\.op: it is missing/],
  ['an op that there is none of', data('{"op":"paint","path":"/a"}'), /^data\[0\]\.op: "paint" is not one of read, add, /],
  ['a number for a path', data(read('"path":7')), /^data\[0\]\.path: 7 is not a text/],
  ['an empty path', data(read('"path":""')), /^data\[0\]\.path: a path is not empty/],
  [
    'a path that is too long',
    data(read(`"path":"${'a'.repeat(PATH_LENGTH_MAX + 1)}"`)),
    /^data\[0\]\.path: a path of 4097 characters is longer than the 4096 allowed/,
  ],
  ['a path of 10 MB', data(read(`"path":"${'a'.repeat(10_000_000)}"`)), /larger than .*\d{4}/, 413],
  ['half a surrogate pair as a path', data(read('"path":"\\ud800"')), /^data\[0\]\.path: it holds half a surrogate pair/],
  [
    'the same operationId twice',
    data(read('"path":"/a","operationId":7'), read('"path":"/b","operationId":"7"')),
    /^data\[1\]\.operationId: "7" is there twice/,
  ],
  [
    'an operationId that is too long',
    data(read(`"path":"/a","operationId":"${'1'.repeat(257)}"`)),
    /^data\[0\]\.operationId: an operation id has 1 to 256 characters, this one has 257/,
  ],
  [
    'an operationId of 100,000 characters',
    data(read(`"path":"/a","operationId":"${'1'.repeat(100_000)}"`)),
    /has 1 to 256 characters, this one has 100000/,
  ],
  [
    'an operationId that is no whole number',
    data(read('"path":"/a","operationId":1.5')),
    /^data\[0\]\.operationId: 1.5 is not a whole number/,
  ],
  [
    'an operationId that JSON can’t keep',
    data(read('"path":"/a","operationId":9007199254740993')),
    /^data\[0\]\.operationId: 900719925474099\d is not a whole number from/,
  ],
  [
    'a flag for an operationId',
    data(read('"path":"/a","operationId":true')),
    /^data\[0\]\.operationId: true is neither a text nor a whole number/,
  ],
  ['a value to read', data(read('"path":"/a","value":1')), /^data\[0\]\.value: a read has none/],
  ['a scope to write', data('{"op":"remove","path":"/a","scopeLevel":1}'), /^data\[0\]: only a read has /],
  ['a scope that there is none of', data(read('"path":"/a","scopeType":"ALL"')), /^data\[0\]\.scopeType: it is not one of BASE_ONLY, /],
  ['reads and writes', data(READ, write('1')), /^data\[1\].op: it writes, those before it read/],
]

const documents: readonly BodyRow[] = [
  ['nothing', '', /^The body is empty/],
  ['blanks', '  \n', /^The body is not the JSON of a job/],
  ['a list', '[]', /is not a JSON object/],
  ['null', 'null', /is not a JSON object/],
  ['a document that ends in the middle', data(READ).slice(0, -2), /^The body is not the JSON of a job\nThe document ended/],
  ['something behind the document', `${data(READ)} x`, /\nFound "x" where the end of the document was expected \(at byte \d+\)$/],
  ['NaN', data(write('NaN')), /^data\[0\].*JSON object|^data\[0\]\.value: it is not valid JSON/],
  ['Infinity', data(write('[-Infinity]')), /^data\[0\]\.value: it is not valid JSON/],
  ['a comma too many', data(write('[1,]')), /^data\[0\]\.value: it is not valid JSON/],
  ['a comment', `{/* a job */"data":[${READ}]}`, /^The body is not the JSON of a job\nFound "\/"/],
  ['single quotes', `{'data':[${READ}]}`, /^The body is not the JSON of a job\nFound "'"/],
  ['a byte order mark', `\xef\xbb\xbf${data(READ)}`, /byte order mark/],
  ['UTF-16', Buffer.from(`\ufeff${data(READ)}`, 'utf16le'), /Found byte 0xff where a value was expected/],
  ['bytes that are no UTF-8', data(read('"path":"/a\xff"')), /not valid UTF-8/],
  ['such bytes in a value', data(write('"\xc3\x28"')), /not valid UTF-8/],
  ['a value that is nested too deep', data(write('['.repeat(100) + ']'.repeat(100))), /nested deeper than .*64/],
  ['a million levels', data(write('[{"a":'.repeat(500_000))), /nested deeper than .*64/],
  ['a million levels of nothing', '['.repeat(1_000_000), /nested deeper than .*64/],
  ['a megabyte of blanks around its members', `{${' '.repeat(1_000_000)}"data":[${READ}]}`, /larger than .*\d{4}/, 413],
]

const destinations: readonly DestinationRow[] = [
  ['that no topic can have as its name', 'kafka:a%20b', 400, /^destination: destination "a b" is not a topic name: 1 to 249 of/],
  ['that no bucket can have as its name', 's3:No_Bucket', 400, /^destination: destination "No_Bucket" is not a bucket name/],
  ['that climbs', '..', 400, /^destination: /],
  ['of 10,000 characters', `kafka:${'a'.repeat(10_000)}`, 400, /^destination: .*1 to 249 of/],
  ['with a scheme that there is none of', 'ftp:a', 400, /^destination: /],
  ['that is a topic which is not there', 'nobody-has-made-it', 422, /^The topic "nobody-has-made-it" does not exist/],
  ['that is a bucket which is not there', 's3:nobody-has-made-it', 422, /^The bucket "nobody-has-made-it" does not exist/],
  ['that Kafka keeps for itself', '__consumer_offsets', 400, /internal/],
  [
    'that the body says otherwise',
    'b',
    400,
    /^The query says destination "b", the body "a"/,
    `{"dataJobMetadata":{"destination":"a"},"dataJobReadRequest":{"data":[${READ}]}}`,
  ],
]

const types: readonly TypeRow[] = [
  ['text/plain', data(READ), { 'content-type': 'text/plain' }, /^Content type "text\/plain" is not taken/],
  ['a form', 'data=1', { 'content-type': 'application/x-www-form-urlencoded' }, /Send JSON as application\/json/],
  ['a type that only begins alike', data(READ), { 'content-type': 'application/jsonx' }, /Send JSON as application\/json/],
  ['no type', data(READ), {}, /^A body without a content type is not taken/],
  ['gzip', gzipSync(BOMB), { ...JSON_TYPE, 'content-encoding': 'gzip' }, /^Content-Encoding "gzip" is not taken\nSend the body as it is/],
  ['deflate', deflateSync(BOMB), { ...JSON_TYPE, 'content-encoding': 'deflate' }, /^Content-Encoding "deflate" is not taken/],
  [
    'brotli',
    brotliCompressSync(BOMB, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    { ...JSON_TYPE, 'content-encoding': 'br' },
    /^Content-Encoding "br" is not taken/,
  ],
  ['zstd', zstdCompressSync(BOMB), { ...JSON_TYPE, 'content-encoding': 'zstd' }, /^Content-Encoding "zstd" is not taken/],
  ['two encodings', gzipSync(gzipSync(BOMB)), { ...JSON_TYPE, 'content-encoding': 'gzip, gzip' }, /is not taken/],
]

describe('a job is refused', () => {
  for (const [what, body, said, status] of [...members, ...operations]) {
    it(`with ${what}`, async () => {
      expect(await refusal({ body }, status)).toMatch(said)
    })
  }

  for (const [what, body, said, status] of documents) {
    it(`that is ${what}`, async () => {
      expect(await refusal({ body }, status)).toMatch(said)
    })
  }

  for (const [what, destination, status, said, body = data(READ)] of destinations) {
    it(`for a destination ${what}`, async () => {
      expect(await refusal({ body, query: `?destination=${destination}` }, status)).toMatch(said)
    })
  }

  it('for a destination that is a topic of the service’s own, with its scheme and without', async () => {
    for (const name of ['commands', 'jobs', 'dead-letters', 'inventory', 'anything']) {
      for (const scheme of ['', 'kafka:']) {
        const query = `?destination=${scheme}${installation.prefix}${name}`
        expect(await refusal({ body: data(READ), query })).toMatch(/topics that start with .* are internal/)
      }
    }
  })

  for (const [what, body, headers, said] of types) {
    it(`sent as ${what}`, async () => {
      expect(await refusal({ body, headers }, 415)).toMatch(said)
    })
  }

  it('with an option that there is none of', async () => {
    expect(await refusal({ body: data(READ), query: '?colour=red' })).toMatch(/^Unknown query parameter: "colour"/)
  })

  it('with an Idempotency-Key that is too long', async () => {
    const headers = { ...JSON_TYPE, 'idempotency-key': 'k'.repeat(5_000) }
    expect(await refusal({ body: data(READ), headers })).toMatch(/idempotency-key must NOT have more than \d+ characters/)
  })
})

describe('what is no whole request', () => {
  const head = (length: number, more = ''): string =>
    `POST ${JOBS} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${more}content-length: ${length}\r\n\r\n`
  const chunked = `POST ${JOBS} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`
  const body = data(READ)

  it.each<readonly [string, string, RegExp]>([
    ['says a greater length than it has', head(body.length + 1) + body, /^$|^HTTP\/1\.1 400 /],
    ['says a smaller length than it has', head(body.length - 1) + body, /^HTTP\/1\.1 400 /],
    ['says two lengths', head(body.length, 'content-length: 5\r\n') + body, /^HTTP\/1\.1 400 /],
    ['says a length and sends chunks', head(body.length, 'transfer-encoding: chunked\r\n') + body, /^HTTP\/1\.1 400 /],
    ['says no length that is one', head(-1) + body, /^HTTP\/1\.1 400 /],
    ['ends within a chunk', `${chunked}ff\r\n${body}`, /^$|^HTTP\/1\.1 400 /],
    ['ends before the last chunk', `${chunked}${body.length.toString(16)}\r\n${body}\r\n`, /^$|^HTTP\/1\.1 400 /],
    ['has a chunk of no size', `${chunked}zz\r\n${body}\r\n0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['has 100 kB of headers', `POST ${JOBS} HTTP/1.1\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, /^HTTP\/1\.1 431 [^]*too large/],
  ])('is refused or dropped: one that %s', async (_what, request, answer) => {
    expect(await exchange(service.client.url, request, { hangUp: true })).toMatch(answer)
  })

  it('keeps no place: a hundred clients that went away hinder nobody', async () => {
    const gone = Array.from({ length: 100 }, () => exchange(service.client.url, head(1_000) + body, { hangUp: true }))
    await Promise.all(gone)
    expect(await refusal({ body: data() })).toMatch(/at least one operation/)
  })
})

describe('what looks bad and is not', () => {
  it.each<readonly [what: string, members: string]>([
    ['a megabyte of blanks between operations', `"data":[${READ},${' '.repeat(1_000_000)}${read('"path":"/b"')}]`],
    ['a value with a member twice', `"data":[${write('{"a":1,"a":2}')}]`],
    ['numbers that no double holds', `"data":[${write('[1e999,12345678901234567890.10]')}]`],
    ['nulls for members that may be left out', `"dataaccepttype":null,"data":[${read('"path":"/a","filter":null')}]`],
    ['a path of 4,096 characters', `"data":[${read(`"path":"/${'a'.repeat(PATH_LENGTH_MAX - 1)}"`)}]`],
    ['an operationId of 256 characters', `"data":[${read(`"path":"/a","operationId":"${'1'.repeat(256)}"`)}]`],
  ])('is taken: %s', async (_what, members) => {
    const jobId = randomUUID()
    const body = bytes(`{"jobId":"${jobId}",${members}}`)
    expect(await send(service.client.url + JOBS, { headers: JSON_TYPE, body })).toMatchObject({ status: 202, body: { jobId } })
    taken.push(jobId)
    // Nobody has registered these paths.
    expect(await service.client.ended(jobId)).toMatchObject({ status: 'FAILED' })
  })

  it('fails on its own with code 100: a path that no handle is registered for', async () => {
    const destination = `kafka:${results.topic}`
    const job = planJob({ kind: 'READ', destination, services: ['north'], operations: 10, unknownEvery: 5 })
    expect((await service.client.submit(bodyOf(job), {}, job.destination)).status).toBe(202)
    taken.push(job.jobId)
    expect(await service.client.ended(job.jobId)).toMatchObject({
      status: 'PARTIALLY_FAILED',
      counts: { operations: { total: 10, succeeded: 8, failed: 2 } },
    })
    expect(checkTopic(job, await results.settled())).toEqual([])
  })
})

describe('after all of that', () => {
  it('nothing is on the command topic but the jobs that were taken', async () => {
    expect((await commands.settled()).map(({ key }) => key).sort()).toEqual([...taken].sort())
  })

  it('no request has failed for a reason of the service’s own', () => {
    expect(service.child.log().filter((line) => /"level":[56]0/.test(line))).toEqual([])
  })
})
