import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { copyStorage, isFormatted, newClusterId } from './kafka-storage.ts'

test('a cluster id is 16 bytes in base64url and never looks like an option', () => {
  for (let i = 0; i < 500; i++) expect(newClusterId()).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
})

test("a copy is of the same cluster, and another node's", () => {
  const folder = mkdtempSync(join(tmpdir(), 'stack-storage-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  const [from, to] = [join(folder, 'a'), join(folder, 'b')]
  mkdirSync(from)
  writeFileSync(join(from, 'meta.properties'), 'cluster.id=c\ndirectory.id=d\nnode.id=1\nversion=1\n')
  writeFileSync(join(from, 'bootstrap.checkpoint'), 'x')
  expect(isFormatted(to)).toBe(false)
  copyStorage(from, to, 2)
  expect(isFormatted(to)).toBe(true)
  expect(readFileSync(join(to, 'bootstrap.checkpoint'), 'utf8')).toBe('x')
  const lines = readFileSync(join(to, 'meta.properties'), 'utf8').split('\n')
  expect(lines).toEqual(['cluster.id=c', expect.stringMatching(/^directory\.id=.{22}$/), 'node.id=2', 'version=1', ''])
})
