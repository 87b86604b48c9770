/** Whether a packed CWL document can run here, told from the document alone. */
import { type AdmissionRules, isReservedVariable } from './allow-list.ts'
import { clip } from './problems.ts'

type Members = Readonly<Record<string, unknown>>

export interface CwlNeeds {
  /** What the document asks for at least; null where it does not say, or only when it runs. */
  readonly cores: number | null
  readonly memoryMB: number | null
}

export type CwlCheck =
  | { readonly ok: true; readonly needs: CwlNeeds }
  | { readonly ok: false; readonly reason: string }

const RUNNABLE: ReadonlySet<unknown> = new Set(['CommandLineTool', 'Workflow', 'ExpressionTool'])

/** @param packed what `cwltool --pack` makes of a document: the process that is to run, as `main`, and those that it consists of */
export function checkCwl(packed: unknown, rules: AdmissionRules): CwlCheck {
  const processes = processesIn(packed)
  // Of several without a main one, cwltool takes the first, and calls it so.
  if (processes.some(({ id }) => typeof id === 'string' && id.startsWith('#main/'))) {
    return { ok: false, reason: 'the document has several processes and none of them is "main": say which with workflowId' }
  }
  for (const process of processes) {
    const reason = faultOf(process, rules)
    if (reason !== null) return { ok: false, reason: `${idOf(process)}: ${reason}` }
  }
  const most = (name: string): number | null => {
    const asked = processes.flatMap((process) => resourceOf(process, name) ?? [])
    return asked.length === 0 ? null : Math.ceil(Math.max(...asked))
  }
  return { ok: true, needs: { cores: most('coresMin'), memoryMB: most('ramMin') } }
}

function processesIn(packed: unknown): readonly Members[] {
  if (typeof packed !== 'object' || packed === null) return []
  const graph = '$graph' in packed ? packed.$graph : [packed]
  return Array.isArray(graph) ? (graph as readonly Members[]) : []
}

function faultOf(process: Members, rules: AdmissionRules): string | null {
  if (!RUNNABLE.has(process['class'])) return `a ${String(process['class'])} is not a CommandLineTool, an ExpressionTool or a Workflow`
  const required = requirementsOf(process, 'requirements')
  if (rules.cwl?.containers !== true && required.some((each) => each['class'] === 'DockerRequirement')) {
    return 'it requires Docker, and cwl.containers is not configured'
  }
  const [memory, cores] = [resourceOf(process, 'ramMin') ?? 0, resourceOf(process, 'coresMin') ?? 0]
  const { limits } = rules
  if (memory > limits.memoryMB.max) return `it asks for ${memory} MiB of memory, more than the limit, ${limits.memoryMB.max}`
  if (cores > limits.cores.max) return `it asks for ${cores} cores, more than the limit, ${limits.cores.max}`
  return rules.cwl?.programs === 'listed' ? unlisted(process, rules) : null
}

/** Why a process would run what is not on the list. */
function unlisted(process: Members, { programs }: AdmissionRules): string | null {
  const requirements = [...requirementsOf(process, 'requirements'), ...requirementsOf(process, 'hints')]
  const requires = (kind: string): boolean => requirements.some((each) => each['class'] === kind)
  const hasShell = Object.values(programs).some(({ shell }) => shell === true)
  if (!hasShell && requires('ShellCommandRequirement')) return 'it requires a shell, and no program on the list is one'
  const hasNode = Object.hasOwn(programs, 'node') || Object.hasOwn(programs, 'nodejs')
  if (!hasNode && (requires('InlineJavascriptRequirement') || process['class'] === 'ExpressionTool')) {
    return 'it has JavaScript in it, and "node" is not on the list'
  }
  const variables = requirements.flatMap((each) => (each['class'] === 'EnvVarRequirement' ? listOf(each['envDef']) : []))
  const reserved = variables.map((each) => String(each['envName'])).find(isReservedVariable)
  if (reserved !== undefined) return `it sets the variable "${clip(reserved)}", which only the operator sets`
  return process['class'] === 'CommandLineTool' ? unlistedCommand(process, programs) : null
}

function unlistedCommand(tool: Members, programs: AdmissionRules['programs']): string | null {
  const [word] = [...textsOf(tool['baseCommand']), ...textsOf(tool['arguments'])]
  if (word === undefined || /\$[({]/.test(word)) return 'its program is not told by baseCommand'
  // By its path it would be run without the arguments that it has on the list.
  const isPath = Object.values(programs).some((each) => each.path === word && each.arguments === undefined)
  return isPath || Object.hasOwn(programs, word) ? null : `program "${clip(word)}" is not on the list of what may run`
}

function resourceOf(process: Members, name: string): number | null {
  const all = [...requirementsOf(process, 'requirements'), ...requirementsOf(process, 'hints')]
  const asked = all.find((each) => each['class'] === 'ResourceRequirement')?.[name]
  return typeof asked === 'number' ? asked : null
}

function requirementsOf(process: Members, member: 'requirements' | 'hints'): readonly Members[] {
  return listOf(process[member])
}

function listOf(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.filter((each): each is Members => typeof each === 'object' && each !== null) : []
}

function textsOf(value: unknown): readonly (string | undefined)[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return all.map((each) => (typeof each === 'string' ? each : undefined))
}

function idOf({ id, class: kind }: Members): string {
  return typeof id === 'string' ? id.replace(/^#/, '') : String(kind)
}
