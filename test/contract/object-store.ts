/** What becomes of objects that are stored: by the bucket sink in a real store, or in the simulation. */
import { hash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { PublishedObject } from '../../src/domain/assignment.ts'
import type { StoredText } from '../harness/bucket-log.ts'

export interface ObjectStoreUnderTest {
  /** Writes an object; answers what a manifest says of it. Throws SinkFailure. */
  store(key: string, content: string): Promise<PublishedObject>
  /** What is there under a prefix, by key. */
  read(prefix: string): Promise<readonly StoredText[]>
  /** The next writing is carried out, and nobody is told. */
  loseNextAnswer(): void
  /** While it is away nothing arrives. */
  setAway(isAway: boolean): void | Promise<void>
}

/** More than a part of an upload. */
const LARGE_BYTES = 6 * 1024 * 1024

let jobs = 0

/** A job's folder, as its id is written there. */
function folder(): string {
  jobs += 1
  return `%C3%84 job.${jobs}%2F`
}

/** Time must pass by itself while a test waits. */
export function exerciseObjectStore(name: string, start: () => Promise<ObjectStoreUnderTest>): void {
  describe(`an object ${name}`, () => {
    let tested: ObjectStoreUnderTest

    beforeAll(async () => {
      tested = await start()
    })

    it('is there whole, under its key, with the size and the tag that its writer was told', async () => {
      const key = `${folder()}/0000000.json`
      const value = '{"Ä":"€ 🦉"}\n'
      const stored = await tested.store(key, value)
      expect(stored).toMatchObject({ key, bytes: Buffer.byteLength(value) })
      expect(await tested.read(key)).toMatchObject([{ ...stored, value }])
    })

    it('has the tag of its content, whatever was there before and wherever else that is', async () => {
      const key = `${folder()}/0000000.json`
      const tags: string[] = []
      for (const value of ['one', 'two', 'one']) {
        tags.push((await tested.store(key, value)).etag)
        expect(await tested.read(key)).toMatchObject([{ key, value, etag: tags.at(-1) }])
      }
      expect(tags).toEqual(['one', 'two', 'one'].map((value) => hash('md5', value)))
      expect((await tested.store(`${folder()}/0000007.json`, 'two')).etag).toBe(tags[1])
    })

    it('that is larger than a part is whole, and has the same tag when it is written again', async () => {
      const key = `${folder()}/0000000.json`
      const value = 'x'.repeat(LARGE_BYTES)
      const stored = await tested.store(key, value)
      expect(stored).toMatchObject({ key, bytes: LARGE_BYTES })
      expect(await tested.store(key, value)).toEqual(stored)
      const [found] = await tested.read(key)
      expect(found).toMatchObject(stored)
      expect(found?.value === value).toBe(true)
    })

    it('says when it was written last, be it with the same content', async () => {
      const key = `${folder()}/0000000.json`
      const storedAt = async (): Promise<number> => {
        await tested.store(key, 'the same')
        return (await tested.read(key))[0]?.storedAt ?? 0
      }
      const first = await storedAt()
      // A store may tell whole seconds only.
      while ((await storedAt()) === first);
      expect(await storedAt()).toBeGreaterThan(first)
    })

    it('that several write at once is that of one of them', async () => {
      const key = `${folder()}/0000000.json`
      const values = ['a', 'bb', 'ccc', 'dddd']
      const written = await Promise.all(values.map((value) => tested.store(key, value)))
      expect(written.map(({ bytes }) => bytes)).toEqual([1, 2, 3, 4])
      const [found, ...others] = await tested.read(key)
      expect(others).toEqual([])
      const at = values.indexOf(found?.value ?? '')
      expect(found).toMatchObject(written[at] ?? { key: 'that of one of them' })
    })

    it('is found with those of its job, in the order of their keys, and with no others', async () => {
      const job = folder()
      const names = ['0000010.json', '0000002.json', 'manifest.json', '0000002.2.json', '0000002.10.json']
      for (const each of [`${job}/`, `${job}0/`]) {
        for (const file of names) await tested.store(`${each}${file}`, file)
      }
      const found = await tested.read(`${job}/`)
      const order = ['0000002.10.json', '0000002.2.json', '0000002.json', '0000010.json', 'manifest.json']
      expect(found.map(({ key, value }) => [key, value])).toEqual(order.map((file) => [`${job}/${file}`, file]))
      expect(await tested.read(`${folder()}/`)).toEqual([])
    })

    it('whose writer is told nothing may be there: to be tried again, with the same tag', async () => {
      const key = `${folder()}/0000000.json`
      tested.loseNextAnswer()
      await expect(tested.store(key, 'content')).rejects.toMatchObject({ name: 'SinkFailure', disposition: 'retry' })
      const [found] = await tested.read(key)
      expect(found?.value).toBe('content')
      expect((await tested.store(key, 'content')).etag).toBe(found?.etag)
    })

    it('is not there while its store is away: to be tried again; what was there before still is', async () => {
      const job = folder()
      await tested.store(`${job}/0000000.json`, 'before')
      await tested.setAway(true)
      for (const file of ['0000000.json', '0000001.json']) {
        await expect(tested.store(`${job}/${file}`, 'after')).rejects.toMatchObject({ name: 'SinkFailure', disposition: 'retry' })
      }
      await tested.setAway(false)
      expect((await tested.read(`${job}/`)).map(({ value }) => value)).toEqual(['before'])
      await tested.store(`${job}/0000000.json`, 'after')
      expect((await tested.read(`${job}/`)).map(({ value }) => value)).toEqual(['after'])
    })
  })
}
