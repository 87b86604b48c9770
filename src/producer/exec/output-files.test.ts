import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { outputFiles } from './output-files.ts'

const outside = mkdtempSync(join(tmpdir(), 'datajob-outputs-'))
const folder = join(outside, 'work')
mkdirSync(join(folder, 'a/b'), { recursive: true })
for (const file of ['x.json', 'a/y.json', 'a/b/z.tif']) writeFileSync(join(folder, file), '{}')
writeFileSync(join(outside, 'secret.json'), '{}')
symlinkSync(join(outside, 'secret.json'), join(folder, 'link.json'))
symlinkSync(outside, join(folder, 'up'))

afterAll(() => {
  rmSync(outside, { recursive: true })
})

describe('the files that patterns name', () => {
  it('are those in the working directory, each once', async () => {
    expect(await outputFiles(folder, ['**/*.json', 'x.json', 'a/**'])).toEqual({ ok: true, names: ['a/b/z.tif', 'a/y.json', 'x.json'] })
  })

  it('may be none where that is allowed', async () => {
    expect(await outputFiles(folder, ['nothing/**', 'x.json'], { mayBeNone: true })).toEqual({ ok: true, names: ['x.json'] })
  })

  it('are never others, by whatever link', async () => {
    for (const pattern of ['link.json', 'up/*.json', '../secret.json']) {
      expect(await outputFiles(folder, [pattern])).toEqual({ ok: false, problem: `outputs: no file matches "${pattern}"` })
    }
  })
})
