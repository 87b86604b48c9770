import { describe, expect, it } from 'vitest'
import { redactedHeaders, redactedJson, redactMember, withLongWordsStarred } from './redaction.ts'

const BEARER = 'Bearer abcdefgh.ijkl_mn-op=='

describe('JSON as it came', () => {
  it.each([
    ['a text', `{"a":1, "authorization" : "s3cret", "b": 1.50}`, `{"a":1, "authorization" : "(redacted)", "b": 1.50}`],
    ['an object', '{"Authorization":{"user":"u","password":"s3cret,}"},"b":2}', '{"Authorization":"(redacted)","b":2}'],
    ['an array', '{"authorization":["s3cret",["s3cret"]],"b":2}', '{"authorization":"(redacted)","b":2}'],
    ['a number at the end', '{"authorization":5317}', '{"authorization":"(redacted)"}'],
    ['nothing', '{"authorization":null,"b":2}', '{"authorization":null,"b":2}'],
    ['a name with escapes', '{"authoriz\\u0061tion":"s3cret"}', '{"authoriz\\u0061tion":"(redacted)"}'],
    ['a place deep inside, twice', '{"a":[{"authorization":"s3cret"},{"authorization":"s3cret"}]}',
      '{"a":[{"authorization":"(redacted)"},{"authorization":"(redacted)"}]}'],
    ['escaped quotes in it', '{"authorization":"s3\\"cret","b":2}', '{"authorization":"(redacted)","b":2}'],
    ['text that ends in the middle of it', '{"authorization":"s3cr', '{"authorization":"(redacted)"'],
    ['text that ends in the middle of an object', '{"authorization":{"a":"s3cret"', '{"authorization":"(redacted)"'],
    ['text that ends behind a backslash', '{"authorization":"s3cret\\', '{"authorization":"(redacted)"'],
  ])('is shown without the authorization: %s', (_, text, shown) => {
    expect(redactedJson(text)).toBe(shown)
  })

  it('keeps every other character', () => {
    const text = '{ "authorizations": 1.0,\n "note": "authorization: none", "path": "/a\\"b", "x": "authorization" }'
    expect(redactedJson(text)).toBe(text)
  })

  it('is shown without credentials, whatever the name beside them', () => {
    expect(redactedJson(`{"headers":"${BEARER}"}`)).toBe('{"headers":"Bearer (redacted)"}')
    expect(redactedJson('{"headers":"basic dXNlcjpwYXNz')).toBe('{"headers":"basic (redacted)')
  })
})

describe('other places of secrets', () => {
  it('are headers', () => {
    const headers = { Authorization: 's3cret', 'x-forwarded': BEARER, traceparent: '00-1' }
    expect(redactedHeaders(headers)).toEqual({ Authorization: '(redacted)', 'x-forwarded': 'Bearer (redacted)', traceparent: '00-1' })
  })

  it('are members of decoded messages', () => {
    expect(JSON.stringify({ authorization: 's3cret', jobId: 'j', none: { authorization: null } }, redactMember)).toBe(
      '{"authorization":"(redacted)","jobId":"j","none":{"authorization":null}}',
    )
  })

  it('are bytes that nobody can decode, whose number stays', () => {
    const bytes = Buffer.concat([Buffer.from([0, 200, 17]), Buffer.from('read\0eyJhbGciOi.J9:!~_x\0'), Buffer.from([2])])
    const starred = withLongWordsStarred(bytes)
    expect(starred.toString('latin1')).toBe('\0\xc8\x11read\0******************\0\x02')
    expect(starred.length).toBe(bytes.length)
  })
})
