import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { captureText } from './captured-text.ts'

const folder = mkdtempSync(join(tmpdir(), 'datajob-captured-'))
const file = join(folder, 'stdout')

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('what a command wrote', () => {
  it('is all of it up to the limit', async () => {
    writeFileSync(file, 'ä\n')
    expect(await captureText(file, 3)).toEqual({ text: 'ä\n', bytes: 3, truncated: false })
  })

  it('is its beginning and its end beyond the limit, with no character cut in two', async () => {
    writeFileSync(file, 'ä'.repeat(100))
    const { text, bytes, truncated } = await captureText(file, 10)
    expect({ bytes, truncated }).toEqual({ bytes: 200, truncated: true })
    expect(text).toBe('ää\n… 192 bytes are left out …\nää')
  })

  it('is nothing where there is no file, or a link to somebody else’s', async () => {
    const link = join(folder, 'link')
    symlinkSync(file, link)
    for (const each of [link, join(folder, 'none')]) expect(await captureText(each, 10)).toEqual({ text: '', bytes: 0, truncated: false })
  })
})
