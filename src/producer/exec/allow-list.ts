/** Whether an operation may run here, and as what: the operator's list and limits against what is asked for. */
import type { ExecConfig, LimitBounds, Program } from './exec-config.ts'
import type { CommandRequest, ExecRequest } from './exec-request.ts'
import { clip } from './problems.ts'

/** What an operation takes while it runs. */
export interface Demand {
  readonly cores: number
  readonly memoryMB: number
  readonly timeoutSeconds: number
  /** Of stdout and of stderr each, what the result holds. */
  readonly outputBytes: number
}

export type Admission =
  | { readonly ok: true; readonly demand: Demand }
  | { readonly ok: false; readonly reason: string }

/** The program that a command names, and what it is started with. */
export interface ProgramCall {
  readonly name: string
  readonly program: Program
  readonly arguments: readonly string[]
}

type FoundProgram = { readonly ok: true; readonly call: ProgramCall } | { readonly ok: false; readonly reason: string }

/** Of the rules, those that say what may run. */
export type AdmissionRules = Pick<ExecConfig, 'programs' | 'limits' | 'capacity' | 'bucket' | 'cwl'>

/** Cheap: looks at nothing but the request and the configuration. */
export function admit(request: ExecRequest, rules: AdmissionRules): Admission {
  const found = request.type === 'command' ? findProgram(request, rules.programs) : null
  if (found?.ok === false) return found
  if (request.type === 'cwl' && rules.cwl === undefined) {
    return { ok: false, reason: 'CWL does not run here: cwl.runner is not configured' }
  }
  const forbidden = Object.keys(request.environment ?? {}).find(isReservedVariable)
  if (forbidden !== undefined) return { ok: false, reason: `environment.${clip(forbidden)}: only the operator sets this variable` }
  if (isPublished(request) && rules.bucket === undefined) {
    return { ok: false, reason: 'there is nowhere to publish outputs to: no bucket is configured' }
  }
  return demandOf(request, rules, found?.call.program ?? null)
}

function isPublished(request: ExecRequest): boolean {
  if (request.type === 'command' && request.optionalOutputs === true) return false
  return (request.type === 'command' && request.outputs !== undefined) || request.prefix !== undefined
}

/**
 * Variables that make a listed program load or run something else, or that this producer gives a command itself. What an
 * interpreter does with its own others is up to it: to list it is to trust who may submit.
 */
const RESERVED_BEGINNING = /^(?:LD|DYLD|DATAJOB)_/
const RESERVED: ReadonlySet<string> = new Set([
  ...['PATH', 'ENV', 'BASH_ENV', 'IFS', 'GLIBC_TUNABLES', 'GCONV_PATH', 'CLASSPATH', 'JAVA_TOOL_OPTIONS', '_JAVA_OPTIONS'],
  ...['JDK_JAVA_OPTIONS', 'NODE_OPTIONS', 'NODE_PATH', 'PERL5LIB', 'PERL5OPT', 'RUBYLIB', 'RUBYOPT'],
  ...['PYTHONPATH', 'PYTHONHOME', 'PYTHONSTARTUP'],
])

export function isReservedVariable(name: string): boolean {
  return RESERVED_BEGINNING.test(name) || RESERVED.has(name)
}

/** The first word is a program's name on the list, or its path. */
export function findProgram({ command }: CommandRequest, programs: AdmissionRules['programs']): FoundProgram {
  const [word = '', ...rest] = command
  const named = Object.hasOwn(programs, word) ? programs[word] : undefined
  const [name, program] = named === undefined ? (Object.entries(programs).find(([, { path }]) => path === word) ?? []) : [word, named]
  if (name === undefined || program === undefined) {
    const listed = clip(Object.keys(programs).join(', '))
    return { ok: false, reason: `program "${clip(word)}" is not on the list of what may run (${listed === '' ? 'it is empty' : listed})` }
  }
  if (program.shell !== true) return { ok: true, call: { name, program, arguments: [...(program.arguments ?? []), ...rest] } }
  // Who writes commands for shells that nobody wraps says what it gets here anyway.
  const [script, ...more] = rest[0] === '-c' ? rest.slice(1) : rest
  if (script === undefined || more.length > 0) {
    return { ok: false, reason: `"${name}" is a shell: it takes exactly one text behind its name, or behind -c` }
  }
  return { ok: true, call: { name, program, arguments: ['-c', script] } }
}

function demandOf(request: ExecRequest, { limits, capacity }: AdmissionRules, program: Program | null): Admission {
  const demand = { cores: 0, memoryMB: 0, timeoutSeconds: 0, outputBytes: 0 }
  for (const name of Object.keys(demand) as (keyof LimitBounds)[]) {
    const own = name === 'outputBytes' ? undefined : program?.max?.[name]
    const max = Math.min(limits[name].max, own ?? Infinity)
    const asked = request[name]
    if (asked !== undefined && asked > max) return { ok: false, reason: tooMuch(name, asked, max, capacity) }
    demand[name] = asked ?? Math.min(limits[name].default, max)
  }
  return { ok: true, demand }
}

function tooMuch(name: keyof LimitBounds, asked: number, max: number, capacity: AdmissionRules['capacity']): string {
  const there = name === 'cores' || name === 'memoryMB' ? capacity[name] : Infinity
  return `${name}: asks for ${asked}, more than the ${asked > there ? `${there} there are` : `limit, ${max}`}`
}
