import { describe, expect, it } from 'vitest'
import { type ShownValue, showValue } from './letter-value.ts'
import { localCodec } from '../../codec/local-codec.ts'

const codec = localCodec()
const show = (value: Buffer | null): Promise<ShownValue> => showValue(value, async (bytes) => await codec.decode(bytes))

function command(path: string): Buffer {
  const decoded = codec.decodeCommand(Buffer.from(JSON.stringify({ jobId: 'j', operations: [{ op: 'read', path }] })), 0)
  if (decoded instanceof Promise || !decoded.ok) throw new Error('the command is not as the test means it')
  return codec.encode(decoded.message)
}

describe('a value', () => {
  it('of Avro is shown as JSON', async () => {
    const shown = await show(command('/a'))
    expect(shown).toMatchObject({ format: 'avro', truncated: false, problem: null })
    expect(JSON.parse(shown.content)).toMatchObject({ type: 'SubmitJob', jobId: 'j', operations: [{ path: '/a' }] })
  })

  it('of Avro that can’t be decoded is dumped, and says why', async () => {
    const value = command('/a')
    value.writeInt32BE(4_000, 1)
    expect(await show(value)).toMatchObject({
      ...{ format: 'hex', bytes: value.length, problem: 'the registry has no schema 4000' },
      content: expect.stringMatching(/^00000000 {2}00 00 00 0f a0 .{32} {2}\.{7}j\.default\n/) as string,
    })
  })

  it('of JSON is shown as it came, also when it is damaged', async () => {
    const value = Buffer.from(' {"a": 1.50,\n"authorization":"s3cret"')
    expect(await show(value)).toEqual({
      ...{ format: 'json', bytes: value.length, truncated: false, problem: null },
      content: ' {"a": 1.50,\n"authorization":"(redacted)"',
    })
  })

  it.each([
    ['text', 'hello\tworld\n', 'text', 'hello\tworld\n'],
    ['text that would move the cursor', 'a\x1b[2Jb', 'hex', '00000000  61 1b 5b 32 4a 62                                a.[2Jb'],
    ['nothing', '', 'text', ''],
  ])('of %s', async (_, value, format, content) => {
    expect(await show(Buffer.from(value))).toMatchObject({ format, content })
  })

  it('that is not there is said to be none', async () => {
    expect(await show(null)).toEqual({ format: 'none', bytes: 0, content: '', truncated: false, problem: null })
  })

  it('is shown in part when it is long, whatever it is', async () => {
    const long = 'x'.repeat(1_000_000)
    for (const value of [command(long), Buffer.from(`{"a":"${long}`), Buffer.from(long), Buffer.alloc(1_000_000, 0xff)]) {
      const { bytes, content, truncated } = await show(value)
      expect({ bytes, truncated }).toEqual({ bytes: value.length, truncated: true })
      expect(content.length).toBeLessThanOrEqual(16_384)
    }
  })

  it('shows no token where a dump cuts it', async () => {
    const value = Buffer.concat([Buffer.alloc(1_020, 0xff), Buffer.from('abcdefghijklmnop')])
    expect((await show(value)).content).toMatch(/\.\*{4}$/)
  })
})
