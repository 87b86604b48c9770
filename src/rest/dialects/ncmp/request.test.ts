import { describe, expect, it } from 'vitest'
import { Refusal } from '../../errors.ts'
import { type NcmpRequest, readJobRequest } from './request.ts'

const limits = { operationBytesMax: 1_000 }
const read = (body: string | Buffer): NcmpRequest => readJobRequest(Buffer.from(body), limits)
const READ = '{"op":"read","path":"/a"}'

function refusalOf(body: string | Buffer): Pick<Refusal, 'status' | 'message' | 'details'> {
  try {
    read(body)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('it was taken')
}

describe('a job request', () => {
  it('is read in the plain spelling', () => {
    const data = '[{"op":"replace","path":"/a#x","operationId":7,"value":1},{"op":"remove","path":"/b"}]'
    const flat = 'application/vnd.3gpp.object-tree-flat+json'
    expect(read(`{"jobId":"j","dataaccepttype":"${flat}","datacontenttype":"text/plain; v=1","data":${data}}`)).toEqual({
      jobId: 'j',
      destination: null,
      dataAcceptType: flat,
      dataContentType: 'text/plain; v=1',
      kind: 'WRITE',
      operations: [
        { op: 'replace', path: '/a#x', operationId: 7, value: '1', options: null },
        { op: 'remove', path: '/b', operationId: '2', value: null, options: null },
      ],
      operationsField: 'data',
    })
  })

  it.each([
    ['dataJobReadRequest', 'READ', 'read'],
    ['dataJobWriteRequest', 'WRITE', 'remove'],
  ])('is read in the spelling of CPS, as %s', (name, kind, op) => {
    const metadata = '{"destination":"s3:b1","dataAcceptType":"application/vnd.3gpp.object-tree-flat+json","dataContentType":"a/b"}'
    expect(read(`{"${name}":{"data":[{"op":"${op}","path":"/a"}]},"dataJobMetadata":${metadata},"jobId":"j"}`)).toMatchObject({
      ...{ jobId: 'j', destination: 's3:b1', dataAcceptType: 'application/vnd.3gpp.object-tree-flat+json' },
      ...{ dataContentType: 'a/b', kind, operationsField: `${name}.data` },
    })
  })

  it('has the media types of the contract where it names none', () => {
    const defaults = {
      dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
      dataContentType: 'application/3gpp-json-patch+json',
    }
    expect(read(`{"data":[${READ}]}`)).toMatchObject(defaults)
    expect(read(`{"dataJobReadRequest":{"data":[${READ}]}}`)).toMatchObject({
      ...defaults,
      jobId: null,
      destination: null,
    })
    expect(read(`{"dataaccepttype":null,"jobId":null,"data":[${READ}]}`)).toMatchObject({ ...defaults, jobId: null })
  })

  it('keeps a value byte for byte', () => {
    const value = '{ "big":12345678901234567890, "small":1.0e-400,\n "é":"\\u00e9\\/", "twice":1, "twice":2 }'
    expect(read(`{"data":[{"op":"add","path":"/a","value": ${value} }]}`).operations[0]?.value).toBe(value)
  })

  it('keeps a read’s extras as they came, whatever their spelling', () => {
    const extras = '"attributes":"a;b","fields":[ "x/y" ],"filter":"//*[a>1]","scopeType":"BASE_NTH_LEVEL","scopeLevel":2'
    const [operation] = read(`{"data":[{"op":"read",${extras},"path":"/a"}]}`).operations
    expect(operation?.options).toBe(`{${extras}}`)
  })

  it.each([
    ['', 400, 'The body is empty', 'Send a job as JSON.'],
    [
      Buffer.concat([Buffer.from('{"data":[{"op":"read","path":"/'), Buffer.from([0xff]), Buffer.from('"}]}')]), 400,
      'The body is not valid UTF-8', 'It is not in data[0].',
    ],
    [Buffer.from([0x7b, 0xff, 0x7d]), 400, 'The body is not the JSON of a job', 'Found byte 0xff where a member name or "}" was'],
    [
      '{"data":[', 400, 'The body is not the JSON of a job',
      'The document ended where a value or "]" was expected (at byte 9)',
    ],
    [
      '{"data":[]]', 400, 'The body is not the JSON of a job',
      'Found "]" where "," or the end of what is open was expected (at byte 10)',
    ],
    [
      `{"data":[${READ}],"data":[]}`, 400, 'The body is not the JSON of a job',
      'The document has a second place where the array could be (at byte 42)',
    ],
    [
      `{"data":[${'['.repeat(100)}`, 400, 'The body is not the JSON of a job',
      'Objects and arrays are nested deeper than the 64 levels allowed (at byte 71)',
    ],
    [
      `{"data":[{"op":"read","path":"${'a'.repeat(1_000)}"}]}`, 413, 'A part of the body is too large',
      'Element 0 is larger than the 1000 bytes allowed (at byte 9)',
    ],
    [
      `{"jobId":"${'a'.repeat(20_000)}","data":[]}`, 413, 'A part of the body is too large',
      'What surrounds the array is larger than the 16384 bytes allowed (at byte 16384)',
    ],
  ])('is refused where it can’t be read: %s', (body, status, message, details) => {
    expect(refusalOf(body)).toMatchObject({ status, message, details: expect.stringContaining(details) as string })
  })

  it.each([
    ['[]', 'The body is not a JSON object: Found "[" where "{" was expected (at byte 0)'],
    ['{}', 'a job has exactly one of data, dataJobReadRequest, dataJobWriteRequest; this one has none'],
    [
      `{"data":[${READ}],"dataJobReadRequest":{}}`,
      'a job has exactly one of data, dataJobReadRequest, dataJobWriteRequest; this one has several',
    ],
    ['{"data":{}}', 'data: a job has an array of operations'],
    ['{"dataJobReadRequest":{"data":5}}', 'dataJobReadRequest.data: a job has an array of operations'],
    [
      '{"dataJobReadRequest":[]}',
      'dataJobReadRequest: it is not a JSON object: Found "[" where "{" was expected (at byte 0)',
    ],
    [
      `{"data":[${READ}],"colour":1}`,
      'colour: there is no such member, only jobId, dataaccepttype, datacontenttype, data, dataJobMetadata,',
    ],
    [
      `{"data":[${READ}],"dataJobMetadata":{}}`,
      'dataJobMetadata: there is no such member, only jobId, dataaccepttype, datacontenttype, data',
    ],
    [
      `{"dataJobReadRequest":{"data":[${READ}]},"dataaccepttype":"x"}`,
      'dataaccepttype: there is no such member, only jobId, dataJobMetadata, dataJobReadRequest',
    ],
    [`{"dataJobReadRequest":{"data":[${READ}],"x":1}}`, 'dataJobReadRequest.x: there is no such member, only data'],
    [`{"jobId":"a","jobId":"b","data":[${READ}]}`, 'jobId: it is there twice'],
    [`{"jobId":5,"data":[${READ}]}`, 'jobId: 5 is not a text'],
    [
      `{"dataaccepttype":"text/html","data":[${READ}]}`,
      'dataaccepttype: "text/html" is not one of application/vnd.3gpp.object-tree-hierarchical+json, application/vnd.3gpp',
    ],
    [`{"datacontenttype":"json","data":[${READ}]}`, 'datacontenttype: "json" is not a media type'],
    [
      `{"dataJobMetadata":{"dataContentType":""},"dataJobReadRequest":{"data":[${READ}]}}`,
      'dataJobMetadata.dataContentType: "" is not a media type',
    ],
    ['{"data":[7]}', 'data[0]: it is not a JSON object: Found "7" where "{" was expected (at byte 0)'],
    [`{"data":[${READ},{"path":"/a"}]}`, 'data[1].op: it is missing'],
    ['{"data":[{"op":"read"}]}', 'data[0].path: it is missing'],
    [
      '{"data":[{"op":"paint","path":"/a"}]}',
      'data[0].op: "paint" is not one of read, add, merge, replace, remove, action',
    ],
    ['{"data":[{"op":"read","path":5}]}', 'data[0].path: 5 is not a text'],
    ['{"data":[{"op":"read","path":"/a","operationId":1.5}]}', 'data[0].operationId: 1.5 is not'],
    [
      '{"data":[{"op":"read","path":"/a","operationId":12345678901234567890}]}',
      'data[0].operationId: 1234567890123456',
    ],
    ['{"data":[{"op":"read","path":"/a","value":1}]}', 'data[0].value: a read has none'],
    [
      '{"data":[{"op":"add","path":"/a","scopeLevel":1}]}',
      'data[0]: only a read has attributes, fields, filter, scopeType, scopeLevel',
    ],
    [
      '{"data":[{"op":"read","path":"/a","attributes":[1]}]}',
      'data[0].attributes: it is neither a text nor a list of texts',
    ],
    ['{"data":[{"op":"read","path":"/a","fields":{}}]}', 'data[0].fields: it is neither a text nor a list of texts'],
    ['{"data":[{"op":"read","path":"/a","filter":[]}]}', 'data[0].filter: it is not a text'],
    [
      '{"data":[{"op":"read","path":"/a","scopeType":"BASE"}]}',
      'data[0].scopeType: it is not one of BASE_ONLY, BASE_ALL, BASE_NTH_LEVEL, BASE_SUBTREE',
    ],
    ['{"data":[{"op":"read","path":"/a","scopeLevel":-1}]}', 'data[0].scopeLevel: it is not a whole number from 0 on'],
    ['{"data":[{"op":"read","path":"\\ud800"}]}', 'data[0].path: it holds half a surrogate pair'],
    [
      '{"data":[{"op":"read","path":"/a","operationId":"\\udc00"}]}',
      'data[0].operationId: it holds half a surrogate pair',
    ],
    [
      `{"data":[${READ},{"op":"remove","path":"/a"}]}`,
      'data[1].op: it writes, those before it read; a job does one of the two',
    ],
  ])('is refused where it is wrong, with the place: %s', (body, message) => {
    expect(refusalOf(body)).toMatchObject({ status: 400, message: expect.stringContaining(message) as string })
  })
})
