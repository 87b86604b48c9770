/** Generators: what they have printed is further tasks of their run. */
import { createHash } from 'node:crypto'
import { Compile } from 'typebox/compile'
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import type { RoutedOperation } from '../../../domain/operation.ts'
import { OPERATION_ID_LENGTH_MAX } from '../../../domain/submission.ts'
import type { DefinitionIndex } from '../../../inventory/definition-index.ts'
import type { OutputRecord } from '../../../kafka/port.ts'
import { member, parsed } from '../../../results/result-event.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { DoneOperation, Generate, Generation } from '../../../stages/generation.ts'
import { clip } from '../../errors.ts'
import type { RestLimits } from '../../limits.ts'
import { GENERATED, SPECS } from './base.ts'
import { expandGenerated, SpecFault } from './expansion.ts'
import { runDataOf } from './run-mapping.ts'
import { type Spec, tasksSchema } from './schemas.ts'
import { taskValue } from './task-value.ts'

export interface GenerationOptions {
  readonly definitions: Pick<DefinitionIndex, 'find' | 'bytes'>
  /** Resolves once what was registered before the call is among them, or that takes too long. */
  readonly caughtUp: () => Promise<unknown>
  readonly recordOf: (definition: DefinitionRegistered) => OutputRecord
  readonly limits: Pick<RestLimits, 'definitionBytesMax' | 'definitionsBytesMax'>
  readonly clock: Clock
}

/** What a generator has printed, as a definition keeps it. */
export type Generated = Pick<Spec, 'tasks'>

/** Reads what a run's generators have printed, and keeps it, so that its tasks can be shown. */
export function daggyGenerate(options: GenerationOptions): Generate {
  return async (done) => {
    try {
      const parameters = await parametersOf(done, options)
      const tasks = tasksIn(printedIn(done.response))
      return generationOf(done.operation, tasks, parameters, options)
    } catch (error) {
      if (!(error instanceof SpecFault)) throw error
      return { ok: false, message: `What it has printed can’t be run: ${error.message}` }
    }
  }
}

async function parametersOf({ dialectData }: DoneOperation, { definitions, caughtUp }: GenerationOptions): Promise<Spec['parameters']> {
  const { spec } = runDataOf({ dialectData })
  if (definitions.find(SPECS, spec) === undefined) await caughtUp()
  const definition = definitions.find(SPECS, spec)
  if (definition === undefined) throw new SpecFault('the specification of its run is gone')
  return (JSON.parse(definition.document) as Spec).parameters
}

function printedIn(response: Buffer): string {
  const stdout = member(member(parsed(response), 'result'), 'stdout')
  const [text, bytes] = [member(stdout, 'text'), member(stdout, 'bytes')]
  if (typeof text !== 'string') throw new SpecFault('its producer does not say what that is')
  if (member(stdout, 'truncated') === true) throw new SpecFault(`of its ${String(bytes)} bytes only some are kept`)
  return text
}

const isTasks = Compile(tasksSchema)

function tasksIn(text: string): Spec['tasks'] {
  const value = jsonIn(text)
  if (isTasks.Check(value)) return value
  // What typebox says of an unknown member by itself is no help; the object that it is in names it.
  const wrong = isTasks.Errors(value).find(({ keyword }) => keyword !== 'boolean')
  const at = clip((wrong?.instancePath ?? '').slice(1).replaceAll('/', '.'))
  const unknown = member(wrong?.params, 'additionalProperties')
  const names = Array.isArray(unknown) ? `: ${clip(unknown.join(', '))}` : ''
  throw new SpecFault(`${at === '' ? 'it' : at} ${wrong?.message ?? 'is no dictionary of tasks'}${names}`)
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SpecFault(`it is not valid JSON: ${clip(error instanceof Error ? error.message : '')}`)
  }
}

function generationOf(
  generator: RoutedOperation,
  given: Spec['tasks'],
  parameters: Spec['parameters'],
  options: GenerationOptions,
): Generation {
  const { tasks, groups } = expandGenerated(given, parameters)
  const operations = tasks.map((each): RoutedOperation => {
    const operationId = `${generator.operationId}/${each.name}`
    if (operationId.length <= OPERATION_ID_LENGTH_MAX) return { ...generator, operationId, value: taskValue(each) }
    throw new SpecFault(`the name "${clip(operationId)}" has more than ${OPERATION_ID_LENGTH_MAX} characters`)
  })
  const document = JSON.stringify({ tasks: given } satisfies Generated)
  const source = createHash('sha256').update(document).digest('base64url')
  return { ok: true, steps: { source, operations, groups }, records: operations.length === 0 ? [] : recordsOf(source, document, options) }
}

/** None where it is kept already. */
function recordsOf(id: string, document: string, { definitions, recordOf, limits, clock }: GenerationOptions): readonly OutputRecord[] {
  if (definitions.find(GENERATED, id) !== undefined) return []
  const bytes = Buffer.byteLength(document)
  if (bytes > limits.definitionBytesMax) throw new SpecFault(`it makes ${bytes} bytes, and may have ${limits.definitionBytesMax}`)
  if (definitions.bytes(GENERATED) + bytes > limits.definitionsBytesMax) {
    throw new SpecFault(`all that generators have printed may have ${limits.definitionsBytesMax} bytes, and this one is beyond that`)
  }
  return [recordOf({ type: 'DefinitionRegistered', ...GENERATED, id, document, service: null, registeredAt: clock.now(), paused: false })]
}
