import type { IncomingMessage } from 'node:http'
import { JsonArrayScanner } from '../codec/json-array-scanner.ts'
import { JsonScanError } from '../codec/json-scan-error.ts'
import { JOB_MEMORY, operationMemory, type SimulatedJobs, type SimulatedOperation } from './simulated-jobs.ts'

export type SubmissionBody =
  | {
      readonly type: 'read'
      readonly operations: readonly SimulatedOperation[]
      /** What was reserved for them. */
      readonly bytes: number
      readonly dataProducerId: string
      /** Of the client's job; empty where the submission names none. */
      readonly jobId: string
    }
  | { readonly type: 'invalid'; readonly message: string }
  | { readonly type: 'no-memory' }
  /** The client went away in the middle. */
  | { readonly type: 'gone' }

const LIMITS = { elementBytesMax: 16 * 2 ** 20, envelopeBytesMax: 2 ** 16, depthMax: 1_000 }

/**
 * Reads a submission as it comes in, keeping of each operation only what its result repeats, in memory reserved from
 * the jobs. It is given back unless the outcome is `read`. What is refused is read to its end all the same, or the
 * connection could not be used again.
 */
export async function readSubmissionBody(request: IncomingMessage, jobs: SimulatedJobs): Promise<SubmissionBody> {
  const reader = new SubmissionReader(jobs)
  const outcome = await new Promise<SubmissionBody>((resolve) => {
    request.on('data', (chunk: Buffer) => {
      reader.push(chunk)
    })
    request.on('end', () => {
      resolve(reader.end())
    })
    request.on('error', () => {
      resolve({ type: 'gone' })
    })
  })
  if (outcome.type !== 'read') jobs.release(reader.bytes)
  return outcome
}

class SubmissionReader {
  readonly #jobs: SimulatedJobs
  readonly #scanner = new JsonArrayScanner({ paths: [['data']], ...LIMITS })
  readonly #operations: SimulatedOperation[] = []
  #bytes = 0
  #refusal: SubmissionBody | undefined

  constructor(jobs: SimulatedJobs) {
    this.#jobs = jobs
  }

  /** What has been reserved. */
  get bytes(): number {
    return this.#bytes
  }

  push(chunk: Buffer): void {
    this.#refusal ??= this.#guarded(() => this.#take(this.#scanner.push(chunk)))
  }

  end(): SubmissionBody {
    return this.#refusal ?? this.#guarded(() => this.#finish())
  }

  /** A refusal, or undefined. */
  #take(elements: readonly Buffer[]): SubmissionBody | undefined {
    let needed = this.#bytes === 0 ? JOB_MEMORY : 0
    for (const element of elements) {
      const operation = operationOf(element)
      if (operation === undefined) {
        return { type: 'invalid', message: `data[${this.#operations.length}] is no operation` }
      }
      needed += operationMemory(operation)
      this.#operations.push(operation)
    }
    if (!this.#jobs.reserve(needed)) return { type: 'no-memory' }
    this.#bytes += needed
    return undefined
  }

  #finish(): SubmissionBody {
    const { found, value } = this.#scanner.end()
    if (!found) return { type: 'invalid', message: 'data is missing' }
    const { dataProducerId, dataJobId } = value as Readonly<Record<string, unknown>>
    const named = { dataProducerId: textOf(dataProducerId), jobId: textOf(dataJobId) }
    return { type: 'read', operations: this.#operations, bytes: this.#bytes, ...named }
  }

  #guarded<Outcome extends SubmissionBody | undefined>(read: () => Outcome): Outcome | SubmissionBody {
    try {
      return read()
    } catch (error) {
      if (error instanceof JsonScanError) return { type: 'invalid', message: error.message }
      throw error
    }
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function operationOf(element: Buffer): SimulatedOperation | undefined {
  let value: unknown
  try {
    value = JSON.parse(element.toString())
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { operationId, op, path } = value as Readonly<Record<string, unknown>>
  if (typeof operationId !== 'string' && typeof operationId !== 'number') return undefined
  return typeof op === 'string' && typeof path === 'string' ? { operationId, op, path } : undefined
}
