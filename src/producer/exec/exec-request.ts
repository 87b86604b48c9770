/** What an operation asks for: a command or a CWL document, with what it needs and what is to be kept of it. */
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { problemsWith } from './problems.ts'

const STRICT = { additionalProperties: false }
// Linux, MAX_ARG_STRLEN: the longest single argument or variable, with its terminating zero.
const ARGUMENT_LENGTH_MAX = 131_071
const NO_ZERO = '^[^\\0]*$'
/** A file below the working directory: no absolute path, no `..`, no hidden trick with empty segments. */
const RELATIVE_PATH = '^(?!.*(?:^|/)\\.{1,2}(?:/|$))[^/\\0]+(?:/[^/\\0]+)*$'

const text = Type.String({ maxLength: ARGUMENT_LENGTH_MAX, pattern: NO_ZERO })
const relativePath = Type.String({ maxLength: 1_024, pattern: RELATIVE_PATH })

const common = {
  environment: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), text, { ...STRICT, maxProperties: 1_000 })),
  cores: Type.Optional(Type.Integer({ minimum: 1 })),
  memoryMB: Type.Optional(Type.Integer({ minimum: 1 })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  outputBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  prefix: Type.Optional(
    // What is published is below the job's own name, whatever else an operation says.
    Type.String({ maxLength: 256, pattern: '^(?!/)(?!.*\\.\\.)(?!.*//)(?=[^{}]*\\{jobId\\}[^{}]*$)[\\w./{}-]*$' }),
  ),
}

const commandSchema = Type.Object(
  {
    command: Type.Array(text, { minItems: 1, maxItems: 10_000 }),
    stdin: Type.Optional(Type.String()),
    files: Type.Optional(Type.Record(Type.String({ maxLength: 1_024, pattern: RELATIVE_PATH }), Type.Unknown(), STRICT)),
    outputs: Type.Optional(Type.Array(relativePath, { maxItems: 100 })),
    optionalOutputs: Type.Optional(Type.Boolean()),
    resultFile: Type.Optional(relativePath),
    ...common,
  },
  STRICT,
)

const cwlSchema = Type.Object(
  {
    /** The document itself: JSON, or a text in YAML. */
    cwl: Type.Union([Type.String({ minLength: 1 }), Type.Object({})]),
    workflowId: Type.Optional(Type.String({ pattern: '^[\\w.-]{1,256}$' })),
    // `cwl:requirements` and the like would change what was checked.
    inputs: Type.Optional(Type.Record(Type.String({ pattern: '^[^:$]*$' }), Type.Unknown(), STRICT)),
    ...common,
  },
  STRICT,
)

export type CommandRequest = Static<typeof commandSchema> & { readonly type: 'command' }
export type CwlRequest = Static<typeof cwlSchema> & { readonly type: 'cwl' }
export type ExecRequest = CommandRequest | CwlRequest

export type ReadRequest =
  | { readonly ok: true; readonly request: ExecRequest }
  | { readonly ok: false; readonly problems: readonly string[] }

const isCommand = Compile(commandSchema)
const isCwl = Compile(cwlSchema)

/** Reads an operation's value. An `action` may have it as its `input`, as NCMP's actions have. */
export function readExecRequest(value: unknown): ReadRequest {
  const given = withoutInput(value)
  if (typeof given === 'object' && given !== null && 'cwl' in given) {
    if (isCwl.Check(given)) return { ok: true, request: { type: 'cwl', ...given } }
    return { ok: false, problems: problemsWith(cwlSchema, given) }
  }
  if (isCommand.Check(given)) return { ok: true, request: { type: 'command', ...given } }
  return { ok: false, problems: problemsWith(commandSchema, given) }
}

function withoutInput(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const [name, ...others] = Object.keys(value)
  return name === 'input' && others.length === 0 ? (value as { readonly input: unknown }).input : value
}
