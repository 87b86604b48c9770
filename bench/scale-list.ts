/**
 * Lists of the Scale dialect: how long a filtered, ordered page of 100,000 jobs takes, over HTTP, from the read model to the body.
 *
 *   node bench/scale-list.ts --jobs 100000 --pages 400
 */
import { parseArgs } from 'node:util'
import { jobId } from '../src/domain/ids.ts'
import type { Job } from '../src/domain/job.ts'
import type { RowChange } from '../src/read-model/port.ts'
import { jobNumber } from '../src/domain/job-number.ts'
import { RestFixture } from '../test/fakes/rest-fixture.ts'
import { quantile } from './harness/figures.ts'

const { values: given } = parseArgs({ options: { jobs: { type: 'string', default: '100000' }, pages: { type: 'string', default: '400' } } })
const [jobs, pages] = [Number(given.jobs), Number(given.pages)]
const BATCH = 2_000
const PARTITIONS = 6
const T0 = Date.parse('2026-01-01T00:00:00Z')
const TYPES = 40
const OUTCOMES = ['succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled'] as const

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

const fixture = new RestFixture()
const app = await fixture.build()
const root = await app.listen({ host: '127.0.0.1', port: 0 })
for (let from = 0; from < jobs; from += BATCH) {
  const changes = Array.from({ length: Math.min(BATCH, jobs - from) }, (_, n) => changesOf(from + n)).flat()
  await fixture.readModel.apply({ changes, positions: [] })
}

for (const pageSize of [20, 100]) {
  const all: number[] = []
  for (const query of QUERIES) {
    const taken: number[] = []
    for (let n = 0; n < pages / QUERIES.length; n += 1) {
      const page = 1 + (n % 5)
      const begun = performance.now()
      const answer = await fetch(`${root}/v6/jobs/?${query}&page=${page}&page_size=${pageSize}`)
      await answer.text()
      if (answer.status !== 200) throw new Error(`${query} was answered ${answer.status}`)
      taken.push(performance.now() - begun)
    }
    all.push(...taken)
    print(`page_size=${pageSize} ${query === '' ? '(no filter)' : query}`, taken)
  }
  print(`page_size=${pageSize}, all of these`, all)
}
await app.close()
await fixture.readModel.close()

function print(name: string, taken: readonly number[]): void {
  const figures = [0.5, 0.99].map((q) => `${quantile(taken, q).toFixed(1).padStart(7)} ms`)
  process.stdout.write(`p50 ${figures[0]}  p99 ${figures[1]}  ${name}\n`)
}

function changesOf(n: number): readonly RowChange[] {
  const id = jobId(`job-${n}`)
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
    ...{ operations: { total: 1, ...counts }, state: 'ended', startedAt, outcome, finishedAt },
    subjobs: { total: 1, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0, [outcome]: 1 },
  }
  const attempt = { number: 1, worker: `w${n % 5}`, startedAt, endedAt: finishedAt, outcome, code: null, message }
  const place = { type: 'SubjobEnded', jobId: id, index: 0, run: 1, outcome } as const
  const event = { ...place, ...counts, object: null, message, attempts: [attempt], at: finishedAt, failedOperations: [], generated: null }
  return [{ type: 'PutJob', job, version: n + 1 }, { type: 'FoldSubjobEvent', event, at: finishedAt }]
}
