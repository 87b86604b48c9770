import { describe, expect, it } from 'vitest'
import { isJobId, JOB_ID_LENGTH_MAX, jobId, producerKey, subjobId } from './ids.ts'

describe('a job id', () => {
  it.each(['a', ' ', 'ä/#?%..', '😀', 'x'.repeat(JOB_ID_LENGTH_MAX)])('may be %j', (text) => {
    expect(isJobId(text)).toBe(true)
    expect(jobId(text)).toBe(text)
  })

  it.each(['', 'x'.repeat(JOB_ID_LENGTH_MAX + 1), 'a\nb', 'a\n', '\u0000', '\u0085', '\ud800', 'a\udc00b'])('is not %j', (text) => {
    expect(isJobId(text)).toBe(false)
    expect(() => jobId(text)).toThrow('1 to 256 characters')
  })

  it('is the same after a way through a record: what has no UTF-8 form is refused', () => {
    for (const text of ['ä😀', '\ud83d', 'plain']) {
      if (isJobId(text)) expect(Buffer.from(text).toString('utf8')).toBe(text)
    }
  })
})

describe('ids that are made', () => {
  it('a subjob is named by its job and its place in it', () => {
    expect(subjobId(jobId('a/b'), 7)).toBe('a/b/7')
  })

  it('a producer is named by its service and its own id, which may be empty', () => {
    expect(producerKey('dmi-1', 'p')).toBe('dmi-1#p')
    expect(producerKey('dmi-1', '')).toBe('dmi-1#')
  })
})
