/** One result of any size, from a plugin through the service into a bucket, and the memory that the service takes meanwhile. */
import { createHash, randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { resultsKey } from '../../src/sinks/s3/object-keys.ts'
import type { Installation, Service } from './installation.ts'
import { OddPlugin } from './odd-plugin.ts'
import { until } from './until.ts'

/** `responses`: one of 1 MiB for each operation. The others are one value for the only operation. */
export type Shape = 'responses' | 'tree' | 'bytes'

export const SHAPES: readonly Shape[] = ['responses', 'tree', 'bytes']

export interface LargeResult {
  readonly status: string
  readonly message: string | undefined
  /** Resident memory of the service, in bytes. */
  readonly idleBytes: number
  readonly peakBytes: number
  readonly seconds: number
  /** Of what the plugin sent, as it is to be stored, and of what is stored. */
  readonly expected: Digest
  readonly stored: Digest
}

interface Digest {
  readonly bytes: number
  readonly sha256: string
}

/** All operations of a result in one subjob. */
export const LARGE_RESULT_SETTINGS = { DATAJOB_SUBJOB_OPERATIONS_MAX: '20000' }

const MIB = 1024 * 1024
const SERVICE = 'large'
// A multiple of three, so that each piece is encoded by itself.
const PIECE = Buffer.alloc(3 * 64 * 1024, 'abcdefghijklmnopqrstuvwxyz0123456789')
const WAIT_MS_MAX = 30 * 60_000

interface Plan {
  readonly contentType: string
  readonly operations: number
  /** What the plugin sends. */
  pieces(): Generator<string | Buffer>
  /** What a reader of the object is to find at its end. */
  stored(): Generator<string | Buffer>
}

/** Of about that many bytes. */
function planOf(shape: Shape, bytes: number): Plan {
  const operations = shape === 'responses' ? Math.ceil(bytes / MIB) : 1
  const pieceCount = Math.ceil(bytes / PIECE.length)
  const responses = function* (): Generator<string | Buffer> {
    const filler = 'x'.repeat(MIB - 1_024)
    yield '{"data":{"responses":['
    for (let n = 0; n < operations; n += 1) {
      yield `${n === 0 ? '' : ','}{"operationId":${n},"statusCode":0,"result":{"n":1.50,"t":"${filler}"}}`
    }
    yield ']}}'
  }
  const tree = function* (): Generator<string | Buffer> {
    yield '{"n":1.50,"tree":[0'
    for (let n = 0; n < pieceCount; n += 1) yield `,"${PIECE.toString('latin1')}"`
    yield ']}\n'
  }
  const blob = function* (): Generator<string | Buffer> {
    for (let n = 0; n < pieceCount; n += 1) yield PIECE
  }
  const encoded = function* (): Generator<string> {
    for (let n = 0; n < pieceCount; n += 1) yield PIECE.toString('base64')
    yield '"}}'
  }
  const stored = function* (): Generator<string | Buffer> {
    yield* tree()
    yield '}}'
  }
  const plans: Record<Shape, Pick<Plan, 'contentType' | 'pieces' | 'stored'>> = {
    responses: { contentType: 'application/json', pieces: responses, stored: responses },
    tree: { contentType: 'application/json', pieces: tree, stored },
    bytes: { contentType: 'application/x-tar', pieces: blob, stored: encoded },
  }
  return { operations, ...plans[shape] }
}

export class LargeResults {
  readonly #installation: Installation
  readonly #service: Service
  readonly #plugin: OddPlugin
  readonly #bucket: string
  #plan: Plan = planOf('tree', 0)

  private constructor(installation: Installation, service: Service, bucket: string, plugin: OddPlugin) {
    this.#installation = installation
    this.#service = service
    this.#bucket = bucket
    this.#plugin = plugin
  }

  static async open(installation: Installation): Promise<LargeResults> {
    const service = await installation.service('service')
    await service.client.ready()
    const producer = 'result large'
    const plugin = await OddPlugin.start({ [producer]: (response) => void send(response, results.#plan) })
    const results = new LargeResults(installation, service, await installation.bucket('large'), plugin)
    await service.client.registerService(SERVICE, plugin.url)
    await service.client.registerHandles(SERVICE, [{ cmHandle: 'large', alternateId: '/Large=1', dataProducerIdentifier: producer }])
    return results
  }

  async measure(shape: Shape, bytes: number): Promise<LargeResult> {
    const jobId = `large-${randomUUID()}`
    this.#plan = planOf(shape, bytes)
    const data = Array.from({ length: this.#plan.operations }, (_, operationId) => ({ operationId, op: 'read', path: '/Large=1' }))
    const idleBytes = await this.#memory()
    const startedAt = performance.now()
    await this.#service.client.submit({ jobId, data }, {}, `s3:${this.#bucket}`)
    let peakBytes = 0
    const job = await until(`the large result of job ${jobId} is there`, async () => {
      peakBytes = Math.max(peakBytes, await this.#memory())
      const { body } = await this.#service.client.status(jobId)
      const { status, message } = body as { status: string; message?: string }
      return status === 'NOT_STARTED' || status === 'RUNNING' ? null : { status, message }
    }, WAIT_MS_MAX)
    const seconds = (performance.now() - startedAt) / 1_000
    const expected = digestOf(this.#plan.stored())
    const stored = await this.#stored(jobId, expected.bytes)
    return { ...job, idleBytes, peakBytes, seconds, expected, stored }
  }

  async close(): Promise<void> {
    await this.#plugin.close()
  }

  async #memory(): Promise<number> {
    const { body } = await this.#service.client.request('GET', '/metrics')
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(String(body))?.[1])
  }

  /** Of the object's end: what stands before it are the reports of the operations. */
  async #stored(jobId: string, bytes: number): Promise<Digest> {
    const { s3 } = this.#installation
    const key = resultsKey(jobId, 0, 1)
    const { size } = await s3.statObject(this.#bucket, key)
    const content = await s3.getPartialObject(this.#bucket, key, Math.max(0, size - bytes))
    const hash = createHash('sha256')
    let length = 0
    for await (const chunk of content) {
      hash.update(chunk as Buffer)
      length += (chunk as Buffer).length
    }
    return { bytes: length, sha256: hash.digest('hex') }
  }
}

async function send(response: ServerResponse, plan: Plan): Promise<void> {
  response.writeHead(200, { 'content-type': plan.contentType })
  // The reader may leave before the end.
  await pipeline(Readable.from(plan.pieces()), response).catch(() => undefined)
}

function digestOf(pieces: Iterable<string | Buffer>): Digest {
  const hash = createHash('sha256')
  let bytes = 0
  for (const piece of pieces) {
    hash.update(piece)
    bytes += Buffer.byteLength(piece)
  }
  return { bytes, sha256: hash.digest('hex') }
}
