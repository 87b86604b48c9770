import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ManualTime } from '../../test/fakes/manual-time.ts'
import { Refusal } from './errors.ts'
import { readBody } from './upload-body.ts'

const IDLE_MS_MAX = 30_000

function upload(headers: Record<string, string> = {}) {
  const timers = new ManualTime()
  const body = new PassThrough()
  const taken: number[] = []
  const read = readBody({ headers }, body, { timers, bytesMax: 200_000, idleMsMax: IDLE_MS_MAX }, (bytes) => {
    taken.push(bytes.length)
    return Promise.resolve()
  })
  const outcome = read.then(
    () => 'read',
    (error: unknown) => (error instanceof Refusal ? { status: error.status, details: error.details } : error),
  )
  return { timers, body, taken, outcome }
}

describe('a body that comes chunk by chunk', () => {
  it('is handed over in slices, none of them large', async () => {
    const { body, taken, outcome, timers } = upload()
    body.end(Buffer.alloc(150_000))
    expect(await outcome).toBe('read')
    expect(taken.reduce((sum, bytes) => sum + bytes)).toBe(150_000)
    expect(Math.max(...taken)).toBeLessThanOrEqual(65_536)
    expect(timers.pending).toBe(0)
  })

  it('is refused when nothing comes for too long, whatever came before', async () => {
    const { body, taken, outcome, timers } = upload()
    body.write(Buffer.alloc(10))
    await expect.poll(() => taken).toEqual([10])
    await expect.poll(() => timers.pending).toBe(1)
    timers.pass(IDLE_MS_MAX - 1)
    body.write(Buffer.alloc(20))
    await expect.poll(() => taken).toEqual([10, 20])
    await expect.poll(() => timers.pending).toBe(1)
    timers.pass(IDLE_MS_MAX)
    expect(await outcome).toEqual({ status: 408, details: 'Nothing came for 30000 ms.' })
  })

  it('is refused before a byte of it is read when it is announced to be too large', async () => {
    const { body, taken, outcome } = upload({ 'content-length': '200001' })
    body.end(Buffer.alloc(10))
    expect(await outcome).toMatchObject({ status: 413 })
    expect(taken).toEqual([])
  })

  it('is refused as soon as it is too large, where nobody said so', async () => {
    const { body, outcome } = upload()
    body.write(Buffer.alloc(150_000))
    body.write(Buffer.alloc(150_000))
    expect(await outcome).toMatchObject({ status: 413 })
  })

  it('of a client that goes away is not taken for a whole one', async () => {
    const { body, taken, outcome } = upload()
    body.write(Buffer.alloc(10))
    await expect.poll(() => taken).toEqual([10])
    body.destroy()
    expect(await outcome).toMatchObject({ status: 400 })
  })
})
