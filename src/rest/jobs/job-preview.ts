/** What a job would be split into: by the coordinator's own rules, over the records that it would be given. */
import type { Decoded } from '../../codec/codec.ts'
import type { AddOperations } from '../../domain/messages.ts'
import type { JobKind, Operation } from '../../domain/operation.ts'
import { type FindHandle, splitJob, type SplitLimits } from '../../domain/split.ts'
import type { PartSink } from './job-upload.ts'

export interface PreviewedSubjob {
  readonly dmiServiceName: string
  readonly dataProducerId: string
  readonly operations: number
}

export interface JobPreviewOptions {
  readonly codec: {
    decode(value: Buffer, expected: readonly ['AddOperations']): Decoded<AddOperations> | Promise<Decoded<AddOperations>>
  }
  readonly tenant: string
  readonly find: FindHandle
  readonly splits: SplitLimits
}

/** Subjobs that are shown; a job of a million operations may have as many. */
export const PREVIEWED_SUBJOBS_MAX = 10_000

export class JobPreview implements PartSink {
  readonly #options: JobPreviewOptions
  readonly #kind: () => JobKind
  readonly #subjobs: PreviewedSubjob[] = []
  #count = 0

  /** `kind` is asked for once there are operations. */
  constructor(options: JobPreviewOptions, kind: () => JobKind) {
    this.#options = options
    this.#kind = kind
  }

  get subjobs(): readonly PreviewedSubjob[] {
    return this.#subjobs
  }

  /** Those that ask a producer, shown or not. */
  get count(): number {
    return this.#count
  }

  async append(pieces: readonly Buffer[]): Promise<void> {
    const decoded = await this.#options.codec.decode(Buffer.concat(pieces), ['AddOperations'])
    if (!decoded.ok) throw new Error(`broken invariant: a part of our own can't be read: ${decoded.cause}`)
    this.add(decoded.message.operations)
  }

  /** Splits the operations of one record. */
  add(operations: readonly Operation[]): void {
    const { tenant, find, splits } = this.#options
    for (const plan of splitJob({ tenant, kind: this.#kind(), operations }, find, splits)) {
      if (plan.refusal !== null) continue
      this.#count += 1
      if (this.#subjobs.length >= PREVIEWED_SUBJOBS_MAX) continue
      this.#subjobs.push({ dmiServiceName: plan.service, dataProducerId: plan.dataProducerId, operations: plan.operations.length })
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
