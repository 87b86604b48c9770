import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type JsonBody, readJsonBody } from './json-body.ts'

function bodyOf(...pieces: readonly string[]): Promise<JsonBody> {
  return readJsonBody(Readable.from(pieces.map((piece) => Buffer.from(piece))), 10)
}

describe('a body', () => {
  it('is JSON up to its limit, however it comes in', async () => {
    expect(await bodyOf('{"a"', ':1}')).toEqual({ type: 'read', value: { a: 1 } })
    expect(await bodyOf('{"a":')).toMatchObject({ type: 'invalid' })
    expect(await bodyOf('{"a":"', 'x'.repeat(9))).toEqual({
      ...{ type: 'too-large', message: 'the body has 15 bytes, more than bodyBytesMax, 10' },
    })
  })

  it('that breaks off is nobody’s', async () => {
    const broken = new Readable({ read: () => undefined })
    broken.destroy(new Error('ECONNRESET'))
    expect(await readJsonBody(broken, 10)).toEqual({ type: 'gone' })
  })
})
