import { describe, expect, it } from 'vitest'
import { patientBody, ResultTooSlow } from './patient-body.ts'

describe('a result', () => {
  const time = { ms: 0 }
  const clock = { now: () => time.ms }

  async function* dripping(chunks: number, pauseMs: number): AsyncGenerator<Buffer, void, undefined> {
    for (let n = 0; n < chunks; n += 1) {
      await Promise.resolve()
      time.ms += pauseMs
      yield Buffer.from('x')
    }
  }

  async function read(body: AsyncIterable<Uint8Array>, readerTakesMs: number): Promise<number> {
    let chunks = 0
    for await (const chunk of body) {
      chunks += chunk.length
      time.ms += readerTakesMs
    }
    return chunks
  }

  it('that drips without end is given up, and its source is closed', async () => {
    const source = dripping(Infinity, 10)
    await expect(read(patientBody(source, { waitMsMax: 1_000, clock }), 0)).rejects.toThrow(ResultTooSlow)
    expect(await source.next()).toEqual({ done: true, value: undefined })
  })

  it('may wait for its reader as long as that takes', async () => {
    expect(await read(patientBody(dripping(100, 10), { waitMsMax: 1_000, clock }), 5_000)).toBe(100)
  })
})
