import { describe, expect, test } from 'vitest'
import { KeptBody } from './kept-body.ts'

async function* chunks(...texts: readonly string[]): AsyncGenerator<Buffer, void, undefined> {
  for (const text of texts) {
    await Promise.resolve()
    yield Buffer.from(text)
  }
}

async function read(body: KeptBody, count = Infinity): Promise<string> {
  const taken: string[] = []
  for await (const chunk of body) {
    taken.push(String(chunk))
    if (taken.length === count) break
  }
  return taken.join('')
}

const EVENT = ['{"data":', '{"responses":[', '1,2]}}\n']

describe('a kept body', () => {
  test('is read as it comes, and is an event once it was read', async () => {
    const body = new KeptBody(chunks(...EVENT), 100)
    expect(body.eventValue()).toBeNull()
    expect(await read(body)).toBe(EVENT.join(''))
    expect(String(body.eventValue())).toBe(EVENT.join(''))
  })

  test('that is there as a whole is an event without being read, up to its limit', async () => {
    const bytes = Buffer.from(EVENT.join(''))
    expect(String(KeptBody.whole(bytes, bytes.length).eventValue())).toBe(EVENT.join(''))
    expect(KeptBody.whole(bytes, bytes.length - 1).eventValue()).toBeNull()
    expect(KeptBody.whole(Buffer.from('[1]'), 100).eventValue()).toBeNull()
    expect(await read(KeptBody.whole(bytes, 100))).toBe('')
  })

  test('is kept only up to its limit', async () => {
    const length = EVENT.join('').length
    const fitting = new KeptBody(chunks(...EVENT), length)
    const larger = new KeptBody(chunks(...EVENT), length - 1)
    expect(await read(fitting)).toBe(await read(larger))
    expect(fitting.eventValue()).not.toBeNull()
    expect(larger.eventValue()).toBeNull()
  })

  test('that was not read to its end is no event', async () => {
    const body = new KeptBody(chunks(...EVENT), 100)
    await read(body, 3)
    expect(body.eventValue()).toBeNull()
  })

  test.each(['[1,2]', '{"responses":[1]}', '{"data":[]}', '{"data":{"responses":{}}}', '{"data":5,"responses":[]}', 'text', ''])(
    'that is %s is no event',
    async (text) => {
      const body = new KeptBody(chunks(text), 100)
      await read(body)
      expect(body.eventValue()).toBeNull()
    },
  )
})
