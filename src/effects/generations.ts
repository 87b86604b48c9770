/** Has what a step yields read by its job's dialect, from the producer's result and before anyone is shown that. */
import { Readable } from 'node:stream'
import type { GeneratedSteps } from '../domain/messages.ts'
import { operationBytes, type RoutedOperation } from '../domain/operation.ts'
import { isSuccess, ResponseCode } from '../domain/response-code.ts'
import type { OutputRecord } from '../kafka/port.ts'
import { KeptBody } from '../sinks/kept-body.ts'
import type { OperationResponse, ResultSource } from '../sinks/sink.ts'
import type { Generate, Generation } from '../stages/generation.ts'
import type { SubjobOrder } from '../stages/dispatcher/subjob-calls.ts'

/** By dialect. */
export type Generators = Readonly<Record<string, Generate>>

/** Bytes of what one step yields, with its own operation: they are in one record, which may have twice as many. */
export const GENERATED_BYTES_MAX = 1024 * 1024

export interface ReadResult {
  readonly source: ResultSource
  readonly generated: GeneratedSteps | null
  /** Beside those of the result. */
  readonly records: readonly OutputRecord[]
}

/** The result as it is to be published: where what a step yields can't be read, its operation has failed. */
export async function readGenerated(
  order: Pick<SubjobOrder, 'generator' | 'authorization'>,
  operation: RoutedOperation | undefined,
  source: ResultSource,
  generators: Generators,
): Promise<ReadResult> {
  const { generator, authorization } = order
  if (generator === null || operation === undefined || source.type === 'failure') return { source, generated: null, records: [] }
  if (source.type === 'opaque') {
    return { source: { type: 'failure', code: ResponseCode.UnknownError, message: NO_RESPONSE }, generated: null, records: [] }
  }
  const responses: OperationResponse[] = []
  for await (const response of source.responses) responses.push(response)
  const own = responses.find(({ operationId }) => String(operationId) === String(operation.operationId))
  if (own?.statusCode === undefined || !isSuccess(own.statusCode)) return { source: { ...source, responses }, generated: null, records: [] }
  const generate = generators[generator.dialect]
  const done = { dialectData: generator.dialectData, operation, response: own.raw }
  const generation = generate === undefined ? unknownDialect(generator.dialect) : bounded(await generate(done), operation)
  if (!generation.ok) return { source: failedWith(own, generation.message), generated: null, records: [] }
  const { steps, records } = generation
  const generated = steps.operations.length === 0 ? null : { ...steps, authorization, generator: operation }
  return { source: { ...source, responses }, generated, records }
}

const NO_RESPONSE = 'The result has no responses: what it yields can’t be read'

function unknownDialect(dialect: string): Generation {
  return { ok: false, message: `This version of the service reads nothing that jobs of the dialect "${dialect}" yield` }
}

function bounded(generation: Generation, operation: RoutedOperation): Generation {
  if (!generation.ok) return generation
  const bytes = [operation, ...generation.steps.operations].reduce((sum, each) => sum + operationBytes(each), 0)
  if (bytes <= GENERATED_BYTES_MAX) return generation
  return { ok: false, message: `What it has generated makes ${bytes} bytes, and may have ${GENERATED_BYTES_MAX}` }
}

/** What it says else stays. */
function failedWith({ operationId, raw }: OperationResponse, message: string): ResultSource {
  const statusCode = ResponseCode.Rejected
  const said = JSON.parse(raw.toString()) as object
  const response = { operationId, statusCode, raw: Buffer.from(JSON.stringify({ ...said, statusCode, statusMessage: message })) }
  return { type: 'responses', responses: [response], body: new KeptBody(Readable.from([]), 0) }
}
