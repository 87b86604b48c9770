import { describe, expect, it } from 'vitest'
import { exampleSubmission } from '../../../test/fakes/domain-examples.ts'
import { jsonCodec } from '../../../test/fakes/json-codec.ts'
import { KafkaFailure, type OutputRecord, type Position } from '../../kafka/port.ts'
import { type LargeJob, LargeJobs, Unsettled } from './large-jobs.ts'
import { type PartSpool, PartSpools } from './part-spool.ts'

const place = { topic: 'commands', partition: 1, headers: {} }
const lost = new KafkaFailure('no answer', { code: 'REQUEST_TIMED_OUT', disposition: 'restart' })

class FakeProducers {
  readonly steps: string[] = []
  readonly written: OutputRecord[] = []
  /** What the next commits, and the next attempts to open, end with. */
  readonly commits: Error[] = []
  readonly opens: (Error | null)[] = []

  readonly open = ({ transactionTimeoutMs }: { transactionTimeoutMs: number }) => {
    this.steps.push(`open ${transactionTimeoutMs}`)
    const failure = this.opens.shift() ?? null
    if (failure !== null) return Promise.reject(failure)
    const close = (): Promise<void> => Promise.resolve(void this.steps.push('close'))
    return Promise.resolve({ commitAll: (batches: AsyncIterable<readonly OutputRecord[]>) => this.#commit(batches), close })
  }

  async #commit(batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position> {
    this.steps.push('begin')
    for await (const batch of batches) this.written.push(...batch.map((each) => ({ ...each, value: Buffer.from(each.value ?? '') })))
    const failure = this.commits.shift()
    if (failure !== undefined) throw failure
    this.steps.push('commit')
    return { topic: 'commands', partition: 1, offset: 7 }
  }
}

async function spoolOf(parts: readonly string[], readFailure?: Error): Promise<PartSpool & { closed: () => boolean }> {
  const bytes = Buffer.alloc(1_000)
  let isClosed = false
  const spools = new PartSpools({
    ...{ folder: '/nowhere', spoolsMax: 9, bytesMax: 1_000 },
    openFile: () =>
      Promise.resolve({
        write: (part, position) => Promise.resolve(void part.copy(bytes, position)),
        read: (part, position) => {
          if (readFailure !== undefined) return Promise.reject(readFailure)
          return Promise.resolve(void bytes.copy(part, 0, position))
        },
        close: () => Promise.resolve(void (isClosed = true)),
      }),
    prepare: () => Promise.resolve(),
  })
  const spool = await spools.open()
  for (const part of parts) await spool.append([Buffer.from(part)])
  return Object.assign(spool, { closed: () => isClosed })
}

const jobOf = (spool: PartSpool): LargeJob => ({ command: { ...exampleSubmission({ operations: [] }), jobId: 'job-1' }, spool, place })

describe('a large job', () => {
  it('is one transaction: the command, then its parts in order, all under its id and at its home', async () => {
    const producers = new FakeProducers()
    const spool = await spoolOf(['one', 'two'])
    const jobs = new LargeJobs({ codec: jsonCodec, openProducer: producers.open })
    expect(await jobs.write(jobOf(spool))).toEqual({ topic: 'commands', partition: 1, offset: 7 })
    expect(producers.steps).toEqual(['open 5001', 'begin', 'commit', 'close'])
    expect(producers.written.map(({ value }) => value?.toString().slice(0, 20))).toEqual(['{"type":"SubmitJob",', 'one', 'two'])
    expect(producers.written.every(({ key, topic, partition }) => key === 'job-1' && topic === 'commands' && partition === 1)).toBe(true)
    expect(spool.closed()).toBe(true)
  })

  it('waits for the one before it', async () => {
    const producers = new FakeProducers()
    const jobs = new LargeJobs({ codec: jsonCodec, openProducer: producers.open })
    await Promise.all([jobs.write(jobOf(await spoolOf(['a']))), jobs.write(jobOf(await spoolOf(['b'])))])
    const steps = ['open 5001', 'begin', 'commit', 'close']
    expect(producers.steps).toEqual([...steps, ...steps])
  })

  it('leaves no transaction open when it fails, and does not hold up the next', async () => {
    const producers = new FakeProducers()
    producers.commits.push(lost)
    const jobs = new LargeJobs({ codec: jsonCodec, openProducer: producers.open })
    const spool = await spoolOf(['a'])
    await expect(jobs.write(jobOf(spool))).rejects.toBe(lost)
    // The second opening fences the first and settles what it left.
    expect(producers.steps).toEqual(['open 5001', 'begin', 'open 5001', 'close', 'close'])
    expect(spool.closed()).toBe(true)
    await jobs.write(jobOf(await spoolOf(['b'])))
  })

  it('says that nothing is known when that can’t be done either', async () => {
    const producers = new FakeProducers()
    producers.commits.push(lost)
    producers.opens.push(null, lost)
    const jobs = new LargeJobs({ codec: jsonCodec, openProducer: producers.open })
    await expect(jobs.write(jobOf(await spoolOf(['a'])))).rejects.toBeInstanceOf(Unsettled)
  })

  it('is not written when its spool can’t be read', async () => {
    const producers = new FakeProducers()
    const jobs = new LargeJobs({ codec: jsonCodec, openProducer: producers.open })
    const spool = await spoolOf(['a'], Object.assign(new Error('bad sector'), { code: 'EIO' }))
    await expect(jobs.write(jobOf(spool))).rejects.toMatchObject({ status: 503, message: expect.stringContaining('EIO') as string })
    expect(producers.steps).not.toContain('commit')
  })

  it('has the longer, the larger it is', async () => {
    const producers = new FakeProducers()
    const jobs = new LargeJobs({ codec: jsonCodec, openProducer: producers.open })
    const spool = await spoolOf([])
    Object.defineProperty(spool, 'bytes', { value: 220_000_000 })
    await jobs.write(jobOf(spool))
    expect(producers.steps[0]).toBe('open 31227')
  })
})
