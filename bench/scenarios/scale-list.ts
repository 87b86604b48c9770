import { type Codec, createCodec } from '../../src/codec/codec.ts'
import { jobNumber } from '../../src/domain/job-number.ts'
import { jobId } from '../../src/domain/ids.ts'
import type { Job } from '../../src/domain/job.ts'
import type { Message } from '../../src/domain/messages.ts'
import type { OutputRecord, RecordProducer } from '../../src/kafka/port.ts'
import { type TopicNames, topicNames } from '../../src/kafka/topics.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { type Figure, quantile } from '../harness/figures.ts'
import { Ours } from '../harness/ours.ts'
import { type Bench, type Scenario, sized } from '../harness/scenario.ts'

const LIST = '/v6/jobs/'
const BATCH = 2_000
const PARTITIONS = 6
const T0 = Date.parse('2026-01-01T00:00:00Z')
const TYPES = 40
const OUTCOMES = ['succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled'] as const
const PAGE_SIZES = [20, 100]
const CHANGES_PER_SECOND = 100
const WRITE_EVERY_MS = 100
const LOOK_EVERY_MS = 200

/** As clients ask: what failed, what came last, a type’s jobs, one sensor’s, all of it by several fields. */
const QUERIES = [
  'status=FAILED&order=-last_modified',
  'status=COMPLETED&order=-duration',
  'status=FAILED&status=CANCELED&error_category=DATA&order=job_type__name&order=-created',
  'job_type_name=type-7&order=-ended',
  'source_sensor=s3&source_task=t1&order=source_started',
  'batch_id=17&order=status&order=id',
  'started=2026-01-01T05:00:00Z&ended=2026-01-01T09:00:00Z&order=-id',
  'order=job_type__name&order=-priority&order=last_modified',
  'order=-last_modified',
  '',
]

/** What operators look at while jobs go on. */
export const scaleList: Scenario = {
  name: 'scale-list',
  about:
    'Pages of 100,000 jobs of the Scale dialect, filtered and in order, one after the other; while nothing changes, and while ' +
    `${CHANGES_PER_SECOND} jobs a second do.`,
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const count = sized(bench, 100_000, 300)
    const pages = sized(bench, 10, 1)
    const stack = await bench.stack()
    const ours = await Ours.open({ name: 'scale-list', stack })
    const registry = { url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }
    const codec = await createCodec(registry, { schemas: 'register', clock: systemClock })
    const producer = await ours.kafka.producer()
    try {
      const jobs = new EndedJobs(codec, producer, topicNames(ours.installation.prefix))
      for (let from = 0; from < count; from += BATCH) await jobs.write(Math.min(BATCH, count - from), (n) => from + n)
      await untilListed(ours, count)
      await pageTimes(ours, pages)
      const [quiet, changing]: [number[], number[]] = [[], []]
      for (let run = 0; run < bench.runs; run += 1) {
        quiet.push(quantile(await pageTimes(ours, pages), 0.99))
        changing.push(quantile(await jobs.changing(count, () => pageTimes(ours, pages)), 0.99))
      }
      const common = { unit: 'ms', peer: [], peerName: null, target: { type: 'number', atMost: 50 } } as const
      return [
        { ...common, scenario: 'scale-list.p99', ours: changing },
        { ...common, scenario: 'scale-list.quiet.p99', ours: quiet },
      ]
    } finally {
      await producer.close()
      await ours.close()
    }
  },
}

class EndedJobs {
  readonly #codec: Codec
  readonly #producer: RecordProducer
  readonly #topics: TopicNames

  constructor(codec: Codec, producer: RecordProducer, topics: TopicNames) {
    this.#codec = codec
    this.#producer = producer
    this.#topics = topics
  }

  async write(count: number, numberAt: (n: number) => number): Promise<void> {
    const { jobs, subjobEvents } = this.#topics
    const numbers = Array.from({ length: count }, (_, n) => numberAt(n))
    const encoded = (topic: string, n: number, message: Message): OutputRecord => {
      return { topic, key: jobIdOf(n), value: this.#codec.encode(message) }
    }
    await this.#producer.send(
      numbers.flatMap((n) => {
        const [job, ended] = messagesOf(n)
        return [encoded(jobs, n, job), encoded(subjobEvents, n, ended)]
      }),
    )
  }

  /** Resolves to what `measure` does; jobs change until then. */
  async changing<T>(count: number, measure: () => Promise<T>): Promise<T> {
    const end = new AbortController()
    const measured = measure().finally(() => {
      end.abort()
    })
    for (let n = 0; !end.signal.aborted; n += 1) {
      const written = this.write(CHANGES_PER_SECOND / (1_000 / WRITE_EVERY_MS), (at) => (n * 7_919 + at * 31) % count)
      await Promise.all([written, new Promise((resolve) => setTimeout(resolve, WRITE_EVERY_MS))])
    }
    return measured
  }
}

async function untilListed(ours: Ours, count: number): Promise<void> {
  while ((await listed(ours, 'page_size=1')).count < count) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
}

/** Milliseconds of each page, from the request to the last byte. */
async function pageTimes(ours: Ours, pages: number): Promise<readonly number[]> {
  const taken: number[] = []
  for (let n = 0; n < pages; n += 1) {
    for (const pageSize of PAGE_SIZES) {
      for (const query of QUERIES) {
        const begun = performance.now()
        await listed(ours, `${query}&page=${1 + (n % 5)}&page_size=${pageSize}`)
        taken.push(performance.now() - begun)
      }
    }
  }
  return taken
}

async function listed({ client }: Ours, query: string): Promise<{ readonly count: number }> {
  const { status, body } = await client.request('GET', `${LIST}?${query}`)
  if (status !== 200) throw new Error(`${query} was answered ${status}: ${JSON.stringify(body)}`)
  return body as { readonly count: number }
}

function jobIdOf(n: number): string {
  return `job-${n}`
}

function messagesOf(n: number): readonly [job: Message, ended: Message] {
  const id = jobId(jobIdOf(n))
  const createdAt = T0 + n * 1_000
  const [startedAt, finishedAt] = [createdAt + 500, createdAt + 500 + ((n * 7_919) % 60_000)]
  const outcome = OUTCOMES[n % OUTCOMES.length] ?? 'succeeded'
  const message = outcome === 'failed' ? `exited with ${n % 3}` : null
  const counts = outcome === 'succeeded' ? { succeeded: 1, failed: 0 } : { succeeded: 0, failed: 1 }
  const type = { id: 1 + (n % TYPES), name: `type-${n % TYPES}`, version: '1.0', revision: 1 }
  const source = { startedAt: createdAt - 60_000, sensor: `s${n % 11}`, task: `t${n % 3}` }
  const errors = [{ code: 1, name: 'bad-input', category: 'data' }]
  const data = { type: { ...type, errors }, input: { files: { scene: [n] }, json: {} }, configuration: {}, batchId: n % 100, source }
  const job: Job = {
    ...{ jobId: id, number: jobNumber({ partition: n % PARTITIONS, offset: n }), tenant: 'default', dialect: 'scale', kind: 'WRITE' },
    ...{ dialectData: JSON.stringify(data), destination: '', dataAcceptType: 'application/json', dataContentType: 'application/json' },
    ...{ priority: n % 50, labels: {}, deadlineAt: null, attemptsMax: 3, submittedBy: null, traceparent: null, digest: 'd'.repeat(64) },
    ...{ createdAt, message, strict: false, submission: null, parts: 0, partsLeft: 0, run: 1, callbacks: {}, held: false, released: [] },
    generated: [],
    abandonedAt: null,
    milestones: [],
    ...{ operations: { total: 1, ...counts }, state: 'ended', startedAt, outcome, finishedAt },
    subjobs: { total: 1, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0, [outcome]: 1 },
  }
  const attempt = { number: 1, worker: `w${n % 5}`, startedAt, endedAt: finishedAt, outcome, code: null, message }
  const place = { type: 'SubjobEnded', jobId: id, index: 0, run: 1, outcome } as const
  const event = { ...place, ...counts, object: null, message, attempts: [attempt], at: finishedAt, failedOperations: [], generated: null }
  return [{ type: 'JobChanged', job }, event]
}
