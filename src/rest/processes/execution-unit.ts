/** What the producer of a process is given to do: its execution unit and the inputs, as an operation's value. */
import type { OfferedProcess } from '../../inventory/process-index.ts'
import type { InputValue, Inputs } from './process-inputs.ts'
import { type Declared, declaredIn } from './process-schemas.ts'

/** A command for the exec producer (docs/exec-producer.md), as JSON. */
export const EXEC_TYPE = 'application/vnd.datajob.exec+json'
/** A CWL document; the parameter `w` names the process in it. */
export const CWL_TYPE = 'application/cwl'

/** Marks an input that is a file or a folder: what a client gives as a text is where it is. */
export const CWL_CLASS = 'x-cwl-class'

/** Where in the bucket what is made by an execution is put, as the ADES has it. */
const PREFIX = 'wf-{jobId}/'
const INPUTS_FILE = 'inputs.json'
const OUTPUTS_FILE = 'outputs.json'

/** JSON text. A producer that knows the process by its id is told the id, the inputs, and which outputs are wanted. */
export function operationValue(process: OfferedProcess, inputs: Inputs, wanted: object | undefined): string {
  const { id, executionUnit } = process
  if (executionUnit === null) return JSON.stringify({ input: { processID: id, inputs: plain(inputs), outputs: wanted } })
  const { type, parameters } = mediaTypeOf(executionUnit.mediaType)
  if (type === EXEC_TYPE) return JSON.stringify({ input: commandOf(executionUnit.text, inputs) })
  const workflowId = parameters.get('w')
  const given = cwlInputs(inputs, declaredIn(process).inputs)
  return JSON.stringify({ input: { cwl: executionUnit.text, workflowId, inputs: given, prefix: PREFIX } })
}

/** The inputs are in a file beside the command, and it writes its outputs into another. */
function commandOf(unit: string, inputs: Inputs): object {
  const request = JSON.parse(unit) as { readonly files?: object; readonly outputs?: unknown }
  const files = { ...request.files, [INPUTS_FILE]: plain(inputs) }
  return { ...(request.outputs === undefined ? {} : { prefix: PREFIX }), resultFile: OUTPUTS_FILE, ...request, files }
}

export function mediaTypeOf(text: string): { readonly type: string; readonly parameters: ReadonlyMap<string, string> } {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim())
  const pairs = rest.map((part): [string, string] => {
    const [name = '', value = ''] = part.split('=', 2)
    return [name.toLowerCase(), value.replace(/^"(.*)"$/, '$1')]
  })
  return { type: type.toLowerCase(), parameters: new Map(pairs) }
}

/** As the client wrote them, without their wrappers; a reference is `{href, type}`. */
function plain(inputs: Inputs): object {
  return mapped(inputs, (input) => {
    if (input.type === 'inline') return input.value
    const { href, mediaType } = input
    return { href, ...(mediaType === null ? {} : { type: mediaType }) }
  })
}

/** References are files or folders, and so is a text where the document declares one. */
function cwlInputs(inputs: Inputs, declared: Declared['inputs']): object {
  return mapped(inputs, (input, name) => {
    const kind = membersOf(declared[name]?.schema)[CWL_CLASS]
    if (input.type === 'reference') return { class: kind ?? 'File', location: input.href }
    return kind !== undefined && typeof input.value === 'string' ? { class: kind, location: input.value } : input.value
  })
}

function mapped(inputs: Inputs, of: (input: InputValue, name: string) => unknown): object {
  const isList = (input: InputValue | readonly InputValue[]): input is readonly InputValue[] => Array.isArray(input)
  const valueOf = (input: InputValue | readonly InputValue[], name: string): unknown => {
    return isList(input) ? input.map((each) => of(each, name)) : of(input, name)
  }
  return Object.fromEntries([...inputs].map(([name, input]) => [name, valueOf(input, name)]))
}

function membersOf(schema: object | undefined): Readonly<Record<string, unknown>> {
  return { ...schema }
}
