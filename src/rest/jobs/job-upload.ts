/** Takes a job's operations in as they come, with little memory however many they are. */
import { randomUUID } from 'node:crypto'
import type { Codec } from '../../codec/codec.ts'
import { type AskedTerms, SubmissionDigest } from '../../codec/digest.ts'
import { encodedBytesMax } from '../../codec/operation-bytes.ts'
import type { JobKind, Operation } from '../../domain/operation.ts'
import { type FindHandle, managedObjectOf, type Route, routeOf } from '../../domain/split.ts'
import { type Fault, OperationsCheck, type SubmissionLimits } from '../../domain/submission.ts'
import { Refusal } from '../errors.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { OperationIds } from './operation-ids.ts'
import { OperationWindow } from './operation-window.ts'
import type { RefusedOperations } from './refused-operations.ts'

/** Who answers for managed objects, as this process knows it. */
export interface Handles {
  readonly find: FindHandle
  /** Whether all that was registered before the call is known, within that time. May reject with KafkaFailure. */
  caughtUp(timeoutMs: number): Promise<boolean>
}

/** What the encoded parts of a large job go to. */
export interface PartSink {
  /** A part is the pieces, one behind the other; they are used again afterwards. */
  append(pieces: readonly Buffer[]): Promise<void>
  close(): Promise<void>
}

export interface JobUploadOptions<Sink extends PartSink> {
  readonly codec: Pick<Codec, 'encode' | 'encodePart'>
  readonly submissions: SubmissionLimits
  readonly handles: Handles
  readonly memory: MemoryBudget
  /** Bytes of a record's value. */
  readonly recordBytesMax: number
  /** Bytes of operations that are sorted by producer at a time. */
  readonly windowBytesMax: number
  readonly tenant: string
  readonly authorization: string | null
  /** Told of operations without a ready handle; null where nobody wants to know now. */
  readonly refused: RefusedOperations | null
  /** How long registrations that may be under way are waited for before an operation counts as refused. */
  readonly inventoryWaitMs: number
  readonly openSink: () => Promise<Sink>
}

export interface UploadedParts<Sink extends PartSink> {
  readonly sink: Sink
  /** What the parts are marked with. */
  readonly submission: string
  readonly parts: number
}

export class JobUpload<Sink extends PartSink> {
  readonly #options: JobUploadOptions<Sink>
  readonly #digest = new SubmissionDigest()
  #check: OperationsCheck | null = null
  #count = 0
  #isCaughtUp = false
  /** All operations, as long as they may fit into one record. */
  #whole: Operation[] = []
  #wholeBytes = 0
  #cutter: PartCutter<Sink> | null = null
  #isHandedOver = false

  constructor(options: JobUploadOptions<Sink>) {
    this.#options = options
  }

  get count(): number {
    return this.#count
  }

  /** All operations while they may fit into one record, else null. */
  get whole(): readonly Operation[] | null {
    return this.#cutter === null ? this.#whole : null
  }

  /**
   * Takes the next operations in. Returns what is wrong with the first that is; nothing more may come then.
   * Throws a 413 above a limit, a 503 when there is no place left.
   */
  async take(operations: readonly Operation[], kind: JobKind): Promise<Fault | null> {
    const { submissions } = this.#options
    this.#check ??= new OperationsCheck(kind, submissions, new OperationIds())
    for (const operation of operations) {
      this.#count += 1
      if (this.#count > submissions.operationsMax) throw tooMany(submissions.operationsMax)
      const wrong = this.#check.take(operation)
      if (wrong !== null) return wrong
      this.#digest.add(operation)
      const route = this.#options.refused === null ? null : await this.#judged(operation, kind, this.#options.refused)
      if (this.#cutter === null) this.#keep(operation)
      else if (this.#cutter.add(operation, route ?? this.#routeOf(operation, kind))) await this.#cutter.drain()
    }
    if (this.#wholeBytes > this.#options.recordBytesMax) await this.#cut(kind)
    return null
  }

  /** Puts all that came into parts; the sink is the caller's to close from then on. Throws as {@link take} does. */
  async parts(kind: JobKind): Promise<UploadedParts<Sink>> {
    const cutter = await this.#cut(kind)
    await cutter.finish()
    this.#isHandedOver = true
    // What follows may take its time, and memory for itself.
    cutter.close()
    this.#check = null
    const { sink, submission, parts } = cutter
    return { sink, submission, parts }
  }

  digest(terms: AskedTerms): string {
    return this.#digest.finish(terms)
  }

  /** Gives back all that is held. */
  async close(): Promise<void> {
    this.#forgetWhole()
    this.#cutter?.close()
    if (!this.#isHandedOver) await this.#cutter?.sink.close()
  }

  #keep(operation: Operation): void {
    const bytes = encodedBytesMax(operation)
    this.#options.memory.hold(bytes)
    this.#whole.push(operation)
    this.#wholeBytes += bytes
  }

  async #cut(kind: JobKind): Promise<PartCutter<Sink>> {
    if (this.#cutter !== null) return this.#cutter
    const cutter = new PartCutter(this.#options, await this.#options.openSink())
    this.#cutter = cutter
    for (const operation of this.#whole) {
      if (cutter.add(operation, this.#routeOf(operation, kind))) await cutter.drain()
    }
    this.#forgetWhole()
    return cutter
  }

  #forgetWhole(): void {
    this.#whole = []
    this.#options.memory.release(this.#wholeBytes)
    this.#wholeBytes = 0
  }

  #routeOf({ path }: Operation, kind: JobKind): Route {
    const { handles, tenant } = this.#options
    return routeOf(handles.find(managedObjectOf(path), tenant), kind)
  }

  /** Where the operation goes. One without a ready handle may have overtaken its registration, which is waited for once. */
  async #judged(operation: Operation, kind: JobKind, refused: RefusedOperations): Promise<Route> {
    const { handles, inventoryWaitMs } = this.#options
    let route = this.#routeOf(operation, kind)
    if (route.refusal !== null && !this.#isCaughtUp) {
      await handles.caughtUp(inventoryWaitMs)
      this.#isCaughtUp = true
      route = this.#routeOf(operation, kind)
    }
    if (route.refusal !== null) refused.add(operation, route.refusal)
    return route
  }
}

/** Cuts operations into parts that fill a record each. */
class PartCutter<Sink extends PartSink> {
  readonly sink: Sink
  readonly submission = randomUUID()
  readonly #options: JobUploadOptions<Sink>
  readonly #window: OperationWindow
  readonly #part: Buffer
  #partBytes = 0
  #partCount = 0
  #parts = 0

  constructor(options: JobUploadOptions<Sink>, sink: Sink) {
    this.#options = options
    this.sink = sink
    this.#window = new OperationWindow({ bytesMax: options.windowBytesMax, memory: options.memory })
    this.#part = Buffer.allocUnsafeSlow(options.recordBytesMax - this.#overheadBytes())
  }

  get parts(): number {
    return this.#parts
  }

  /** Says whether it is full now. */
  add(operation: Operation, { producerKey }: Route): boolean {
    if (encodedBytesMax(operation) > this.#part.length) throw tooLarge(operation, this.#part.length)
    this.#window.add(producerKey, operation)
    return this.#window.isFull
  }

  async finish(): Promise<void> {
    await this.drain()
    if (this.#partCount > 0) await this.#endPart()
  }

  close(): void {
    this.#window.close()
  }

  async drain(): Promise<void> {
    for (const bytes of this.#window.drain()) {
      if (this.#partBytes + bytes.length > this.#part.length) await this.#endPart()
      bytes.copy(this.#part, this.#partBytes)
      this.#partBytes += bytes.length
      this.#partCount += 1
    }
  }

  async #endPart(): Promise<void> {
    const { codec, authorization } = this.#options
    const part = { submission: this.submission, part: this.#parts, authorization, count: this.#partCount }
    const { before, behind } = codec.encodePart(part)
    await this.sink.append([before, this.#part.subarray(0, this.#partBytes), behind])
    this.#parts += 1
    this.#partBytes = 0
    this.#partCount = 0
  }

  /** What a part has beside its operations, at most. */
  #overheadBytes(): number {
    const { codec, authorization } = this.#options
    const empty = { type: 'AddOperations', submission: this.submission, part: INT_MAX, authorization, operations: [] } as const
    return codec.encode(empty).length + COUNT_BYTES_MAX
  }
}

const INT_MAX = 2 ** 31 - 1
/** The number of operations, in Avro. */
const COUNT_BYTES_MAX = 5

function tooMany(operationsMax: number): Refusal {
  const details = 'Send it as several jobs. The operator may allow more by DATAJOB_OPERATIONS_MAX.'
  return new Refusal(413, `The job has more than the ${operationsMax} operations allowed`, { details })
}

function tooLarge({ operationId }: Operation, limit: number): Refusal {
  return new Refusal(413, `The operation "${operationId}" takes more than the ${limit} bytes that a record leaves for it`)
}
