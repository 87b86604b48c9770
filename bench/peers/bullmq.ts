/**
 * BullMQ on a Redis that writes everything to its log: a flow with one child for each subjob, and a parent that is done after all of
 * them. What Node teams would build this on otherwise.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FlowProducer, type Job, Worker } from 'bullmq'
import { Pool } from 'undici'
import { choosePorts } from '../../stack/ports.ts'
import { BenchProgram } from '../harness/programs.ts'
import { callDmi, IN_FLIGHT } from './bare-http.ts'

const CHILDREN_ADDED_AT_ONCE = 20_000

export class BullMq {
  readonly #redis: BenchProgram
  readonly #folder: string
  readonly #connection: { readonly host: string; readonly port: number; readonly maxRetriesPerRequest: null }

  private constructor(redis: BenchProgram, folder: string, port: number) {
    this.#redis = redis
    this.#folder = folder
    this.#connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
  }

  /** Null where `redis-server` is not installed. */
  static async open(): Promise<BullMq | null> {
    const folder = mkdtempSync(join(tmpdir(), 'datajob-redis-'))
    const [port = 0] = await choosePorts([undefined])
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', '']
    const redis = await BenchProgram.installed('redis-server', args, /Ready to accept connections/)
    if (redis !== null) return new BullMq(redis, folder, port)
    rmSync(folder, { recursive: true, force: true })
    return null
  }

  /** Subjobs a second, from the flow's submission to the parent's end. */
  async flow(url: string, subjobs: number): Promise<number> {
    if (subjobs > CHILDREN_ADDED_AT_ONCE) throw new Error(`a flow has at most ${CHILDREN_ADDED_AT_ONCE} children here`)
    const connection = this.#connection
    const pool = new Pool(url, { connections: IN_FLIGHT })
    const flows = new FlowProducer({ connection })
    const children = new Worker('subjobs', (job: Job<{ readonly n: number }>) => callDmi(pool, 'flow', job.data.n), {
      connection,
      concurrency: IN_FLIGHT,
    })
    const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<number>()
    const parents = new Worker('jobs', () => { end(performance.now()); return Promise.resolve() }, { connection })
    for (const worker of [children, parents]) worker.on('failed', (_, error) => { fail(error) })
    await Promise.all([children.waitUntilReady(), parents.waitUntilReady()])
    const begun = performance.now()
    await flows.add({
      name: 'job',
      queueName: 'jobs',
      children: Array.from({ length: subjobs }, (_, n) => ({ name: 'subjob', queueName: 'subjobs', data: { n } })),
    })
    const seconds = ((await ended) - begun) / 1_000
    await Promise.all([children.close(), parents.close(), flows.close(), pool.close()])
    return subjobs / seconds
  }

  async close(): Promise<void> {
    await this.#redis.end()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
