import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type PartSpool, PartSpools, type SpoolFile } from './part-spool.ts'

describe('the spool of a large job', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'datajob-spool-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  const spools = (options: { spoolsMax?: number; bytesMax?: number; openFile?: () => Promise<SpoolFile> } = {}): PartSpools =>
    new PartSpools({ folder: join(folder, 'uploads'), spoolsMax: 2, bytesMax: 10_000_000, ...options })

  const readAll = async (spool: PartSpool): Promise<Buffer[]> => {
    const values: Buffer[] = []
    for await (const value of spool.values()) values.push(Buffer.from(value))
    return values
  }

  it('gives its parts back in order, as often as asked, and has no name on the disk', async () => {
    const spool = await spools().open()
    const parts = [Buffer.alloc(1_000_000, 1), Buffer.from('2'), Buffer.alloc(900_000, 3)]
    for (const part of parts) await spool.append([part.subarray(0, 10), part.subarray(10)])
    expect([spool.parts, spool.bytes]).toEqual([3, 1_900_001])
    expect(await readAll(spool)).toEqual(parts)
    expect(await readAll(spool)).toEqual(parts)
    expect(readdirSync(join(folder, 'uploads'))).toEqual([])
    await spool.close()
  })

  it('removes what a killed process may have left', async () => {
    const first = spools()
    await (await first.open()).close()
    writeFileSync(join(folder, 'uploads', 'left'), 'x')
    await (await spools().open()).close()
    expect(readdirSync(join(folder, 'uploads'))).toEqual([])
  })

  it('is one of so many; the next one is told to come back', async () => {
    const all = spools({ spoolsMax: 1 })
    const spool = await all.open()
    await expect(all.open()).rejects.toMatchObject({ status: 503, message: '1 large jobs are being taken already' })
    await spool.close()
    await spool.close()
    await (await all.open()).close()
  })

  it('shares its bytes with the others, and gives them back', async () => {
    const all = spools({ bytesMax: 100 })
    const [one, other] = [await all.open(), await all.open()]
    await one.append([Buffer.alloc(60)])
    await expect(other.append([Buffer.alloc(60)])).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
    await one.close()
    await other.append([Buffer.alloc(60)])
    await other.close()
  })

  it.each([
    ['ENOSPC', 'The disk is full: there is no place to keep a large job until all of it has come'],
    ['EIO', 'The disk fails (EIO): there is no place to keep a large job until all of it has come'],
  ])('says so when the disk answers %s, and takes the next when it is well again', async (code, message) => {
    let broken = true
    const openFile = (): Promise<SpoolFile> =>
      Promise.resolve({
        write: () => (broken ? Promise.reject(Object.assign(new Error(code), { code })) : Promise.resolve()),
        read: () => Promise.resolve(),
        close: () => Promise.resolve(),
      })
    const all = spools({ openFile, spoolsMax: 1 })
    const spool = await all.open()
    await expect(spool.append([Buffer.alloc(1)])).rejects.toMatchObject({ status: 503, message })
    await spool.close()
    broken = false
    const next = await all.open()
    await next.append([Buffer.alloc(1)])
    await next.close()
  })

  it('says so when no file can be made', async () => {
    writeFileSync(join(folder, 'uploads'), 'a file')
    const all = new PartSpools({ folder: join(folder, 'uploads', 'below'), spoolsMax: 1, bytesMax: 1 })
    for (let attempt = 0; attempt < 2; attempt += 1) await expect(all.open()).rejects.toMatchObject({ status: 503 })
  })
})
