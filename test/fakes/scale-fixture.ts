/** The Scale dialect with fakes of what is behind it. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Attempt } from '../../src/domain/attempt.ts'
import type { Outcome } from '../../src/domain/job-counts.ts'
import type { Job } from '../../src/domain/job.ts'
import type { ServiceRegistered } from '../../src/domain/inventory-messages.ts'
import type { Message } from '../../src/domain/messages.ts'
import type { RowChange } from '../../src/read-model/port.ts'
import { jobSearch } from '../../src/service/bulk.ts'
import { BulkCommander, type FindJobs, type JobsFound } from '../../src/stages/bulk-commander.ts'
import { RestFixture } from './rest-fixture.ts'
import { StageRun } from './stage-run.ts'

const exec: ServiceRegistered = {
  ...{ type: 'ServiceRegistered', name: 'exec', baseUrl: 'http://127.0.0.1:1', contract: 'dataJob', username: null, password: null },
  ...{ subjobsInFlightMax: null, subjobTimeoutMs: null },
}

/** A Seed manifest; `job` changes what is in its `job`. */
export function manifestOf(job: object = {}): object {
  return {
    seedVersion: '1.0.0',
    job: {
      ...{ name: 'checksum', jobVersion: '1.0.0', title: 'Checksum', description: 'Sums up', timeout: 60 },
      interface: {
        command: "sh 'sha256sum' ${MODE}",
        inputs: { files: [{ name: 'scene' }], json: [{ name: 'mode', type: 'string', required: false }] },
      },
      resources: { scalar: [{ name: 'cpus', value: 0.5 }, { name: 'mem', value: 128 }] },
      errors: [{ code: 3, name: 'bad-scene', title: 'Bad scene', category: 'data' }],
      ...job,
    },
  }
}

/** How the only subjob of a job ended, as its dispatcher says it. */
export interface Ending {
  readonly outcome: Outcome
  readonly message?: string
  readonly code?: Attempt['code']
  /** When its only attempt began and ended; left out, there was none. */
  readonly ran?: readonly [startedAt: number, endedAt: number] | undefined
}

export interface ShownJob {
  readonly id: number
  readonly status: string
  readonly num_exes: number
  readonly error: { readonly id: number; readonly name: string; readonly category: string } | null
  readonly [field: string]: unknown
}

export class ScaleFixture {
  readonly rest = new RestFixture()
  readonly #app: Promise<FastifyInstance>
  #version = 0

  constructor() {
    this.rest.services.set('exec', exec)
    this.#app = this.rest.build()
  }

  async close(): Promise<void> {
    await (await this.#app).close()
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
    return (await this.#app).inject({ url: `/v6/${path}`, headers: { host: 'jobs.example', ...headers } })
  }

  async send(method: 'POST' | 'PATCH', path: string, body: object, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
    const sent = { payload: JSON.stringify(body), headers: { host: 'jobs.example', 'content-type': 'application/json', ...headers } }
    return (await this.#app).inject({ method, url: `/v6/${path}`, ...sent })
  }

  /** Creates a job type, and resolves to its id. */
  async type(job: object = {}, settings: object = {}): Promise<number> {
    return (await this.send('POST', 'job-types/', { manifest: manifestOf(job), ...settings })).json<{ readonly id: number }>().id
  }

  async job(typeId: number, body: object = {}): Promise<ShownJob> {
    return (await this.send('POST', 'jobs/', { job_type_id: typeId, input: { files: { scene: [7] } }, ...body })).json()
  }

  async shown(id: number): Promise<ShownJob> {
    return (await this.get(`jobs/${id}/`)).json()
  }

  /** The commands about jobs that were written since the last ones were taken, those that a command about many makes among them. */
  async takeCommands(): Promise<readonly object[]> {
    const commands: object[] = []
    for (const { topic, value } of this.rest.written.splice(0)) {
      const message = JSON.parse(value?.toString() ?? 'null') as Message
      if (topic === 'commands') commands.push(message)
      if (topic === 'bulk') commands.push(...(await this.#commandedBy(message)))
    }
    return commands
  }

  async #commandedBy(command: Message): Promise<readonly object[]> {
    const lane = new StageRun<FindJobs, JobsFound>(() => new BulkCommander({ homePartition: () => 0, portionMax: 1_000 }))
    const search = jobSearch({ readModel: this.rest.readModel, projector: this.rest.progress })
    lane.take(command, { topic: 'bulk' })
    const [asked] = lane.takeEffects()
    if (asked === undefined) throw new Error('the command was not taken')
    return lane.complete(await search(asked, new AbortController().signal)).published.flatMap(({ message }) => message ?? [])
  }

  async listed(query: string): Promise<readonly number[]> {
    return (await this.get(`jobs/?${query}`)).json<{ readonly results: readonly ShownJob[] }>().results.map(({ id }) => id)
  }

  /** The job ends so. */
  async end(id: number, { outcome, message, code = null, ran }: Ending): Promise<void> {
    const job = await this.#require(id)
    const { jobId, run } = job
    const at = ran?.[1] ?? this.rest.time.now()
    const said = message ?? null
    const attempts = ran === undefined ? [] : [{ number: 1, worker: 'w1', startedAt: ran[0], endedAt: at, outcome, code, message: said }]
    const counts = outcome === 'succeeded' ? { succeeded: 1, failed: 0 } : { succeeded: 0, failed: 1 }
    const subjobs = { total: 1, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0, [outcome]: 1 }
    const place = { type: 'SubjobEnded', jobId, index: 0, run } as const
    const ended: Job = {
      ...{ ...job, held: false, released: [], generated: [], abandonedAt: null, milestones: [] },
      ...{ operations: { total: 1, ...counts }, subjobs, message: said },
      ...{ state: 'ended', startedAt: ran?.[0] ?? at, outcome, finishedAt: at },
    }
    await this.#apply(
      this.#planned(job, job.createdAt),
      {
        type: 'FoldSubjobEvent',
        event: { ...counts, ...place, outcome, object: null, message: said, attempts, at, failedOperations: [], generated: null },
        at,
      },
      { type: 'PutJob', job: ended, version: this.#next() },
    )
  }

  /** What the job has become is known. */
  async put(job: Job): Promise<void> {
    await this.#apply({ type: 'PutJob', job, version: this.#next() })
  }

  /** The job's attempt begins. */
  async start(id: number, at: number): Promise<void> {
    const job = await this.#require(id)
    const { jobId, run } = job
    const started = { type: 'SubjobStarted', jobId, index: 0, run, attempt: 1, worker: 'w1', dataProducerJobId: 'p', at } as const
    await this.#apply(
      this.#planned(job, job.createdAt),
      { type: 'FoldSubjobEvent', event: started, at },
      { type: 'PutJob', job: { ...job, state: 'running', startedAt: at }, version: this.#next() },
    )
  }

  /** What a run of the job has come to is published. */
  async report(id: number, timestampMs: number, result: object): Promise<void> {
    const { jobId } = await this.#require(id)
    const { resultTopics } = this.rest
    const value = JSON.stringify({ data: { responses: [{ operationId: '0', statusCode: 0, statusMessage: '', result }] } })
    const headers = { ce_correlationid: jobId, ce_id: `${jobId}/${timestampMs}` }
    resultTopics.append({ topic: 'datajob.results', partition: resultTopics.partitionOf(jobId, 3), timestampMs, value, headers })
  }

  /** What has ended is in the queue once more. */
  async requeue(id: number, at: number): Promise<void> {
    const job = await this.#require(id)
    if (job.state !== 'ended') throw new Error(`job ${id} has not ended`)
    const { outcome: _outcome, finishedAt: _finishedAt, ...rest } = job
    const again: Job = { ...rest, run: job.run + 1, state: 'running', message: null }
    await this.#apply({ type: 'PutJob', job: again, version: this.#next() }, this.#planned(again, at))
  }

  #planned({ jobId, run }: Job, at: number): RowChange {
    const subjobs = [{ index: 0, run, service: 'exec', dataProducerId: 'p', operations: 1, parents: [], retryAt: null }]
    return { type: 'PlanSubjobs', event: { type: 'SubjobsPlanned', jobId, subjobs, at }, at }
  }

  #apply(...changes: readonly RowChange[]): Promise<void> {
    return this.rest.readModel.apply({ changes, positions: [] })
  }

  #next(): number {
    this.#version += 1
    return this.#version
  }

  async #require(id: number): Promise<Job> {
    const job = await this.rest.readModel.jobByNumber(id)
    if (job === null) throw new Error(`there is no job ${id}`)
    return job
  }
}
