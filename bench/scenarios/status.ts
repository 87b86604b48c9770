import { join } from 'node:path'
import { type Codec, createCodec } from '../../src/codec/codec.ts'
import { jobId } from '../../src/domain/ids.ts'
import type { Job } from '../../src/domain/job.ts'
import type { OutputRecord, RecordProducer } from '../../src/kafka/port.ts'
import { topicNames } from '../../src/kafka/topics.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { type Figure, quantile } from '../harness/figures.ts'
import { Ours } from '../harness/ours.ts'
import { BenchProgram } from '../harness/programs.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'
import { createdAtOf, destinationOf, instantOf, jobIdOf, JOBS } from '../harness/status-questions.ts'

const LOAD = join(import.meta.dirname, '../harness/status-load.ts')
const PER_SECOND = 1_000
const LATEST = 100
const BATCH = 5_000
const OPERATIONS = 100
const ASK_AGAIN_MS = 2

/** What dashboards and clients ask all the time. */
export const status: Scenario = {
  name: 'status',
  about:
    '100,000 jobs in the read model and 1,000 requests a second, half of them for one job, half for a page of a list with filters; ' +
    'and how long after its record was acknowledged a change can be read.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const count = sized(bench, 100_000, 300)
    const stack = await bench.stack()
    const ours = await Ours.open({ name: 'status', stack })
    const registry = { url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }
    const codec = await createCodec(registry, { schemas: 'register', clock: systemClock })
    const producer = await ours.kafka.producer()
    try {
      const jobs = new RecordedJobs(codec, producer, topicNames(ours.installation.prefix).jobs)
      await jobs.write(count)
      // The latest of each partition, in all likelihood.
      for (let n = Math.max(1, count - LATEST); n <= count; n += 1) await ours.client.ended(jobIdOf(endedOf(n)))
      const load = [ours.client.url, count, sized(bench, PER_SECOND, 50), sized(bench, 20, 1)].map(String)
      await answerTimes(load)
      const answers: number[] = []
      const changes: number[] = []
      for (let run = 0; run < bench.runs; run += 1) {
        answers.push(quantile(await answerTimes(load), 0.99))
        const seen: number[] = []
        for (let n = 0; n < sized(bench, 200, 3); n += 1) seen.push(await untilSeen(ours, jobs, count + run * 1_000 + n))
        changes.push(quantile(seen, 0.99))
      }
      const common = { unit: 'ms', peer: [], peerName: null }
      return [
        { ...common, scenario: 'status.p99', ours: answers, target: { type: 'number', atMost: 10 } },
        { ...common, scenario: 'status.visible.p99', ours: changes, target: { type: 'number', atMost: 100 } },
      ]
    } finally {
      await producer.close()
      await ours.close()
    }
  },
}

class RecordedJobs {
  readonly #codec: Codec
  readonly #producer: RecordProducer
  readonly #topic: string

  constructor(codec: Codec, producer: RecordProducer, topic: string) {
    this.#codec = codec
    this.#producer = producer
    this.#topic = topic
  }

  async write(count: number): Promise<void> {
    for (let from = 0; from < count; from += BATCH) {
      await this.#producer.send(Array.from({ length: Math.min(BATCH, count - from) }, (_, n) => this.#record(from + n)))
    }
  }

  async add(n: number): Promise<void> {
    await this.#producer.send([this.#record(n)])
  }

  #record(n: number): OutputRecord {
    return { topic: this.#topic, key: jobIdOf(n), value: this.#codec.encode({ type: 'JobChanged', job: jobOf(n) }) }
  }
}

// By a process of its own: this one holds 100,000 jobs, and what its collector does would be counted as the service's.
async function answerTimes(load: readonly string[]): Promise<readonly number[]> {
  const { program, said } = await BenchProgram.script(LOAD, load)
  await program.end()
  return (said as { readonly latenciesMs: readonly number[] }).latenciesMs
}

async function untilSeen({ client }: Ours, jobs: RecordedJobs, n: number): Promise<number> {
  await jobs.add(n)
  const begun = performance.now()
  // A list, for it does not wait for what it does not find.
  const created = `createdAfter=${instantOf(n)}&createdBefore=${instantOf(n + 1)}`
  for (;;) {
    const { body } = await client.request('GET', `${JOBS}?${created}`)
    if ((body as { readonly items: readonly unknown[] }).items.length > 0) return performance.now() - begun
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS))
  }
}

/** The last of those that have ended. */
function endedOf(count: number): number {
  return count - 1 - ((count - 1) % 4)
}

function jobOf(n: number): Job {
  const outcome = (['succeeded', 'failed', 'partiallyFailed'] as const)[n % 4]
  const createdAt = createdAtOf(n)
  const succeeded = outcome === 'succeeded' ? OPERATIONS : outcome === 'partiallyFailed' ? OPERATIONS / 2 : 0
  const failed = outcome === undefined ? 0 : OPERATIONS - succeeded
  return {
    ...{ jobId: jobId(jobIdOf(n)), number: n + 1, tenant: 'default', dialect: 'ncmp', dialectData: null, kind: 'WRITE' },
    ...{ destination: destinationOf(n), dataAcceptType: 'application/json', dataContentType: 'application/json' },
    ...{ priority: 5, labels: {}, deadlineAt: null, attemptsMax: 3, submittedBy: null, traceparent: null, digest: 'd'.repeat(64) },
    ...{ createdAt, message: null, strict: false, submission: null, parts: 0, partsLeft: 0, run: 1, callbacks: {} },
    ...{ held: false, released: [], generated: [], abandonedAt: null, milestones: [] },
    operations: { total: OPERATIONS, succeeded, failed },
    subjobs: {
      ...{ total: 1, succeeded: outcome === 'succeeded' ? 1 : 0, cancelled: 0 },
      ...{ partiallyFailed: outcome === 'partiallyFailed' ? 1 : 0, failed: outcome === 'failed' ? 1 : 0 },
    },
    ...(outcome === undefined
      ? { state: 'running', startedAt: createdAt }
      : { state: 'ended', startedAt: createdAt, outcome, finishedAt: createdAt + 1_000 }),
  }
}
