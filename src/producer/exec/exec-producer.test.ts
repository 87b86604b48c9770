import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { systemClock, systemTimers } from '../../runtime/clock.ts'
import type { Bucket } from './bucket.ts'
import { type ExecConfig, readExecConfig } from './exec-config.ts'
import { ExecBook } from './exec-book.ts'
import { ExecProducer, type Submission } from './exec-producer.ts'
import type { ExecResult } from './exec-result.ts'
import { ExecStore } from './exec-store.ts'
import { MemoryWatch } from './memory-watch.ts'
import { Publisher } from './publisher.ts'

const system = { clock: systemClock, timers: systemTimers }
const programs = { sh: { path: '/bin/sh', shell: true } }
const WAIT = { timeout: 60_000, interval: 10 }
const log = { info: (): void => undefined, warn: (): void => undefined }

/** A bucket that takes nothing until it is told to. */
class MoodyBucket implements Bucket {
  isOpen = false
  tries = 0
  readonly #failure: Error

  constructor(failure: Error = new Error('the store is away')) {
    this.#failure = failure
  }

  uriOf(key: string): string {
    return `s3://b/${key}`
  }

  put(key: string): Promise<{ uri: string; bytes: number }> {
    this.tries += 1
    return this.isOpen ? Promise.resolve({ uri: this.uriOf(key), bytes: 1 }) : Promise.reject(this.#failure)
  }
}

function configIn(folder: string, more: object = {}): ExecConfig {
  const document = { dataFolder: folder, programs, bucket: 'bucket', stopSeconds: 0, killGraceSeconds: 0, ...more }
  const read = readExecConfig(document, { cores: 1, memoryMB: 1_024 })
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return read.config
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'datajob-exec-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

async function started(config: ExecConfig, bucket: Bucket): Promise<ExecProducer> {
  const { dataFolder, publishSeconds } = config
  const tools = { prlimit: null, taskset: null, setpriv: null }
  const attempts = { ...system, config, tools, groups: null, cwl: null, memoryWatch: new MemoryWatch(systemTimers), killGraceMs: 0 }
  const book = new ExecBook({ ...system, store: ExecStore.open(dataFolder), log })
  const publisher = new Publisher({ ...system, dataFolder, bucket, publishMs: publishSeconds * 1_000 })
  const producer = new ExecProducer({ ...system, book, attempts, publisher, processors: [0], log })
  await producer.recover()
  return producer
}

function submit(producer: ExecProducer, text: string): string {
  const request = { type: 'command' as const, command: ['sh', text], outputs: ['out'] }
  const submission: Submission = producer.submit('key', 'job', [{ operationId: 1, op: 'action', path: '/x', request }])
  if (submission.type !== 'accepted') throw new Error(submission.type)
  return submission.id
}

async function resultOf(producer: ExecProducer, id: string): Promise<ExecResult | undefined> {
  await vi.waitFor(() => {
    expect(producer.results(id)?.isOver).toBe(true)
  }, WAIT)
  return [...(producer.results(id)?.results ?? [])][0]?.result
}

describe('outputs', () => {
  it('of a command that has ended are published by whoever starts next, and the command is not run again', async () => {
    const folder = newFolder()
    const bucket = new MoodyBucket()
    const before = await started(configIn(folder), bucket)
    const id = submit(before, 'echo run >> ../../runs; echo x > out')
    await vi.waitFor(() => {
      expect(bucket.tries).toBeGreaterThan(0)
    }, WAIT)
    await before.stop()
    bucket.isOpen = true
    const after = await started(configIn(folder), bucket)
    const result = await resultOf(after, id)
    expect(result).toMatchObject({ attempt: 1, exitCode: 0, problem: null, files: [{ name: 'out', bytes: 1 }] })
    expect(readFileSync(join(folder, 'work', id, 'runs'), 'utf8')).toBe('run\n')
    await after.stop()
  })

  it('that the bucket refuses for good fail the operation at once, and so do those that it does not take in time', async () => {
    const refusing = new MoodyBucket(Object.assign(new Error('AccessDenied'), { disposition: 'reject' }))
    for (const [bucket, publishSeconds] of [[refusing, 600], [new MoodyBucket(), 1]] as const) {
      const producer = await started(configIn(newFolder(), { publishSeconds }), bucket)
      const id = submit(producer, 'echo x > out')
      await vi.waitFor(async () => {
        expect(await producer.status(id)).toMatchObject({ status: 'FAILED' })
      }, WAIT)
      const problem = bucket === refusing ? 'outputs: AccessDenied' : 'outputs: the store is away'
      expect(await resultOf(producer, id)).toMatchObject({ exitCode: 0, problem })
      await producer.stop()
    }
  })
})

describe('a configuration that has changed', () => {
  it('refuses what it does not list any more, though it was accepted', async () => {
    const folder = newFolder()
    const bucket = new MoodyBucket()
    const before = await started(configIn(folder), bucket)
    const id = submit(before, 'sleep 9999')
    await before.stop()
    const after = await started(configIn(folder, { programs: { other: { path: '/bin/true' } } }), bucket)
    expect(await resultOf(after, id)).toMatchObject({ reason: 'refused', message: expect.stringMatching('not on the list') as string })
    await after.stop()
  })
})
