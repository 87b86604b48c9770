/** Makes the result of an operation whose command has ended: what it wrote, and what of it is put into the bucket. */
import { join } from 'node:path'
import { type Clock, delay, type Timers } from '../../runtime/clock.ts'
import { type AttemptFolder, attemptFolder } from './attempt-folder.ts'
import { type Bucket, operationPrefix, outputPrefix } from './bucket.ts'
import { captureText } from './captured-text.ts'
import { soleFolder, withLocations } from './cwl-outputs.ts'
import { CWL_OUTPUTS } from './cwl-runner.ts'
import type { ExecRequest } from './exec-request.ts'
import { type CapturedText, type CommandEnd, type ExecResult, type PublishedFile, resultOf } from './exec-result.ts'
import { mediaTypeOf } from './media-types.ts'
import { isOwnFile, outputFiles } from './output-files.ts'
import { openPlainFile } from './plain-file.ts'

export interface PublisherParts {
  readonly dataFolder: string
  readonly bucket: Bucket | null
  readonly clock: Clock
  readonly timers: Timers
  /** How long the bucket is tried. */
  readonly publishMs: number
}

export interface PublishOrder {
  readonly id: string
  readonly jobId: string
  readonly index: number
  readonly attempt: number
  readonly request: ExecRequest
  readonly end: CommandEnd
  readonly outputBytes: number
}

interface Outputs {
  readonly outputs: unknown
  readonly files: readonly PublishedFile[]
  readonly problem: string | null
}

interface Wanted {
  readonly patterns: readonly string[]
  /** Whether a pattern may name nothing. */
  readonly mayBeNone?: boolean
}

const NONE: Outputs = { outputs: null, files: [], problem: null }
const RETRY_MS_MIN = 200
const RETRY_MS_MAX = 10_000
const JSON_BYTES_MAX = 16 * 2 ** 20

export class Publisher {
  readonly #parts: PublisherParts

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /** May be done again for the same operation: objects have the same keys. Throws the signal's reason. */
  async publish(order: PublishOrder, signal: AbortSignal): Promise<ExecResult> {
    const { end, request, attempt } = order
    const folder = attemptFolder(this.#parts.dataFolder, order)
    const patience = new Patience(this.#parts, signal)
    const stdout = await this.#captured(order, folder, 'stdout', patience)
    const stderr = await this.#captured(order, folder, 'stderr', patience)
    const isDone = end.reason === 'exited' && end.exitCode === 0
    const make = request.type === 'cwl' ? this.#ofCwl : this.#ofCommand
    const made = isDone ? await make.call(this, order, folder, patience) : NONE
    return resultOf(end, attempt, { stdout, stderr, ...made })
  }

  async #captured(order: PublishOrder, folder: AttemptFolder, stream: 'stdout' | 'stderr', patience: Patience): Promise<CapturedText> {
    const captured = await captureText(folder[stream], order.outputBytes)
    const { bucket } = this.#parts
    if (bucket === null || captured.bytes === 0) return { ...captured, uri: null }
    const key = `${operationPrefix(order.jobId, order.id, order.index)}${stream}.txt`
    const stored = await patience.stored(() => bucket.put(key, folder[stream], 'text/plain; charset=utf-8'))
    // A command that went well did so without its log, too.
    return { ...captured, uri: stored.ok ? (stored.value?.uri ?? null) : null }
  }

  async #ofCommand(order: PublishOrder, folder: AttemptFolder, patience: Patience): Promise<Outputs> {
    if (order.request.type !== 'command') return NONE
    const { outputs: patterns, optionalOutputs = false, resultFile } = order.request
    const result = resultFile === undefined ? null : await ownJsonIn(folder.work, resultFile)
    if (result?.ok === false) return { ...NONE, problem: `resultFile: ${resultFile} ${result.problem}` }
    const isNothing = patterns === undefined || (optionalOutputs && this.#parts.bucket === null)
    const made = isNothing ? NONE : await this.#stored(order, folder.work, { patterns, mayBeNone: optionalOutputs }, patience)
    return { ...made, outputs: result?.value ?? null }
  }

  async #ofCwl(order: PublishOrder, folder: AttemptFolder, patience: Patience): Promise<Outputs> {
    const result = await jsonIn(folder.stdout)
    if (!result.ok) return { ...NONE, problem: `what cwltool says of its outputs ${result.problem}` }
    const { bucket } = this.#parts
    const outputs = join(folder.work, CWL_OUTPUTS)
    const root = soleFolder(result.value, outputs) ?? outputs
    const prefix = outputPrefix(order.request.prefix, order)
    const locationOf = (name: string): string => (bucket === null ? name : bucket.uriOf(prefix + name).replace(/\/$/, ''))
    const made = withLocations(result.value, root, locationOf)
    const isEmpty = !/"class":\s*"File"/.test(JSON.stringify(result.value))
    if (bucket === null || isEmpty) return { ...NONE, outputs: made }
    return { ...(await this.#stored(order, root, { patterns: ['**/*'] }, patience)), outputs: made }
  }

  async #stored(order: PublishOrder, root: string, { patterns, mayBeNone }: Wanted, patience: Patience): Promise<Outputs> {
    const { bucket } = this.#parts
    if (bucket === null) return { ...NONE, problem: 'outputs: no bucket is configured any more' }
    const found = await outputFiles(root, patterns, { mayBeNone })
    if (!found.ok) return { ...NONE, problem: found.problem }
    const files: PublishedFile[] = []
    const prefix = outputPrefix(order.request.prefix, order)
    for (const name of found.names) {
      const mediaType = mediaTypeOf(name)
      const stored = await patience.stored(() => bucket.put(prefix + name, join(root, name), mediaType))
      if (!stored.ok) return { ...NONE, problem: `outputs: ${stored.problem}` }
      if (stored.value !== null) files.push({ name, ...stored.value, mediaType })
    }
    return { ...NONE, files }
  }
}

type Stored<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** How long a bucket that fails is tried, over all that one operation stores. */
class Patience {
  readonly #parts: PublisherParts
  readonly #signal: AbortSignal
  readonly #until: number

  constructor(parts: PublisherParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
    this.#until = parts.clock.now() + parts.publishMs
  }

  async stored<T>(put: () => Promise<T>): Promise<Stored<T>> {
    const { clock, timers } = this.#parts
    for (let pauseMs = RETRY_MS_MIN; ; pauseMs = Math.min(RETRY_MS_MAX, 2 * pauseMs)) {
      this.#signal.throwIfAborted()
      try {
        return { ok: true, value: await put() }
      } catch (error) {
        const mayRetry = !(error instanceof Error && 'disposition' in error && error.disposition === 'reject')
        const problem = error instanceof Error ? error.message : String(error)
        if (!mayRetry || clock.now() + pauseMs > this.#until) return { ok: false, problem }
      }
      await delay(timers, pauseMs, this.#signal)
    }
  }
}

type Json = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string }

async function ownJsonIn(folder: string, name: string): Promise<Json> {
  return (await isOwnFile(folder, name)) ? jsonIn(join(folder, name)) : { ok: false, problem: 'is not there' }
}

async function jsonIn(file: string): Promise<Json> {
  const handle = await openPlainFile(file)
  if (handle === null) return { ok: false, problem: 'is not there' }
  try {
    const { size } = await handle.stat()
    if (size > JSON_BYTES_MAX) return { ok: false, problem: `is larger than ${JSON_BYTES_MAX} bytes` }
    return { ok: true, value: JSON.parse(await handle.readFile('utf8')) as unknown }
  } catch (error) {
    return { ok: false, problem: `is not JSON: ${error instanceof Error ? error.message : String(error)}` }
  } finally {
    await handle.close()
  }
}
