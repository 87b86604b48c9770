/** What a submitted job must satisfy, whichever door it came through. */
import { checkCallbacks } from './callbacks.ts'
import { type Destination, type DestinationRules, parseDestination } from './destination.ts'
import { isJobId, JOB_ID_RULE } from './ids.ts'
import type { Dependency, SubmitJob } from './messages.ts'
import { type JobKind, type Operation, operationsOf } from './operation.ts'
import { checkGroups } from './step-groups.ts'

export interface SubmissionLimits {
  readonly operationsMax: number
  /** Characters of one path. */
  readonly pathLengthMax: number
}

/** Each response on the destination carries the id; a response has to fit into one event. */
export const OPERATION_ID_LENGTH_MAX = 256

/** The first thing that is wrong with a submission: where (a JSON path), and a sentence that names the value and the limit. */
export interface Fault {
  readonly field: string
  readonly message: string
}

export type CheckedSubmission =
  | { readonly ok: true; readonly destination: Destination }
  | { readonly ok: false; readonly fault: Fault }

export function checkSubmission(submission: SubmitJob, rules: DestinationRules, limits: SubmissionLimits): CheckedSubmission {
  const { jobId } = submission
  if (jobId !== null && !isJobId(jobId)) {
    return fault('jobId', JOB_ID_RULE)
  }
  const parsed = parseDestination(submission.destination, rules)
  if (!parsed.ok) return fault('destination', parsed.message)
  const isWhole = submission.submission === null
  const inOperations = isWhole ? checkWhole(submission, limits) : checkAnnounced(submission, limits)
  const inGroups = checkGroups(submission.groups, isWhole ? submission.operations.length : submission.operationCount)
  const wrong = inOperations ?? inGroups ?? checkCallbacks(submission.callbacks)
  return wrong === null ? { ok: true, destination: parsed.destination } : { ok: false, fault: wrong }
}

/** What a part of a job's operations must satisfy; that an id is not in two parts is checked by whoever writes them. */
export function checkPart(operations: readonly Operation[], kind: JobKind, limits: SubmissionLimits): Fault | null {
  return checkOperations({ kind, operations }, limits)
}

function checkWhole(submission: SubmitJob, limits: SubmissionLimits): Fault | null {
  const { parts, operationCount } = submission
  if (parts !== 0 || operationCount !== 0) return { field: 'submission', message: 'a job in parts has a mark that its parts have as well' }
  return checkOperations(submission, limits) ?? checkDependencies(submission)
}

function checkAnnounced({ operations, dependencies, parts, operationCount, held }: SubmitJob, limits: SubmissionLimits): Fault | null {
  const { operationsMax } = limits
  if (operations.length > 0) return { field: 'operations', message: 'a job in parts has all of its operations in them' }
  if (dependencies.length > 0) return { field: 'dependencies', message: 'a job in parts has none' }
  if (held) return { field: 'held', message: 'a job in parts can’t be held' }
  if (operationCount > operationsMax) {
    return { field: 'operationCount', message: `${operationCount} operations are more than the ${operationsMax} allowed` }
  }
  if (parts < 1 || parts > operationCount) {
    return { field: 'parts', message: `${parts} parts can't hold ${operationCount} operations: each has at least one` }
  }
  return null
}

function checkOperations({ kind, operations }: Pick<SubmitJob, 'kind' | 'operations'>, limits: SubmissionLimits): Fault | null {
  if (operations.length === 0) return { field: 'operations', message: 'a job has at least one operation' }
  if (operations.length > limits.operationsMax) {
    return { field: 'operations', message: `${operations.length} operations are more than the ${limits.operationsMax} allowed` }
  }
  const check = new OperationsCheck(kind, limits, new TextSet())
  for (const operation of operations) {
    const wrong = check.take(operation)
    if (wrong !== null) return wrong
  }
  return null
}

/** The ids that were met so far. */
export interface KnownIds {
  /** Whether it was not among them yet; now it is. */
  addNew(id: string): boolean
}

/** Checks operations one by one, in their order, whoever holds them. */
export class OperationsCheck {
  readonly #kind: JobKind
  readonly #legal: readonly string[]
  readonly #limits: SubmissionLimits
  readonly #known: KnownIds
  #count = 0

  constructor(kind: JobKind, limits: SubmissionLimits, known: KnownIds) {
    this.#kind = kind
    this.#legal = operationsOf(kind)
    this.#limits = limits
    this.#known = known
  }

  /** What is wrong with the next operation, or with there being one more. */
  take(operation: Operation): Fault | null {
    const position = this.#count
    this.#count += 1
    if (this.#count > this.#limits.operationsMax) {
      return { field: 'operations', message: `there are more than the ${this.#limits.operationsMax} allowed` }
    }
    const wrong = checkOperation(operation, this.#kind, this.#legal, this.#limits)
    if (wrong !== null) return { field: `operations[${position}].${wrong.field}`, message: wrong.message }
    const identity = identityOf(operation.operationId)
    if (this.#known.addNew(identity)) return null
    return { field: `operations[${position}].operationId`, message: `"${clip(identity)}" is there twice` }
  }
}

/** The texts themselves: for a record's worth of operations. */
class TextSet implements KnownIds {
  readonly #texts = new Set<string>()

  addNew(id: string): boolean {
    const { size } = this.#texts
    return this.#texts.add(id).size > size
  }
}

function checkOperation(operation: Operation, kind: JobKind, legal: readonly string[], limits: SubmissionLimits): Fault | null {
  const { op, path, operationId } = operation
  if (!legal.includes(op)) {
    return { field: 'op', message: `"${clip(op)}" is not one of ${legal.join(', ')}, which a ${kind} job may hold` }
  }
  if (path === '') return { field: 'path', message: 'a path is not empty' }
  if (path.length > limits.pathLengthMax) {
    return { field: 'path', message: `a path of ${path.length} characters is longer than the ${limits.pathLengthMax} allowed` }
  }
  const idLength = String(operationId).length
  if (idLength === 0 || idLength > OPERATION_ID_LENGTH_MAX) {
    return { field: 'operationId', message: `an operation id has 1 to ${OPERATION_ID_LENGTH_MAX} characters, this one has ${idLength}` }
  }
  return null
}

// Reported side by side, 1 and "1" could not be told apart by most clients.
function identityOf(operationId: string | number): string {
  return String(operationId)
}

function checkDependencies(submission: SubmitJob): Fault | null {
  if (submission.dependencies.length === 0) return null
  if (submission.groups.length > 0) return { field: 'groups', message: 'a job with dependencies has none' }
  const known = new Set(submission.operations.map((operation) => identityOf(operation.operationId)))
  for (const [position, { operationId, parents }] of submission.dependencies.entries()) {
    for (const id of [operationId, ...parents]) {
      if (!known.has(identityOf(id))) {
        return { field: `dependencies[${position}]`, message: `"${clip(String(id))}" is not an operation of this job` }
      }
    }
  }
  const cycle = findCycle(submission.dependencies)
  return cycle === null ? null : { field: 'dependencies', message: `the operations ${shownCycle(cycle)} wait for each other` }
}

/** The operations of one cycle in the order in which they wait, or null. Iterative: a chain may be thousands long. */
function findCycle(dependencies: readonly Dependency[]): readonly string[] | null {
  const parentsOf = allParents(dependencies)
  const done = new Set<string>()
  for (const start of parentsOf.keys()) {
    const path: string[] = []
    const open = new Set<string>()
    const stack: { id: string; next: number }[] = [{ id: start, next: 0 }]
    while (stack.length > 0) {
      const top = stack[stack.length - 1]
      if (top === undefined) break
      if (top.next === 0) {
        if (open.has(top.id)) return [...path.slice(path.indexOf(top.id)), top.id]
        if (done.has(top.id)) {
          stack.pop()
          continue
        }
        open.add(top.id)
        path.push(top.id)
      }
      const parent = parentsOf.get(top.id)?.[top.next]
      top.next += 1
      if (parent !== undefined) {
        stack.push({ id: parent, next: 0 })
      } else {
        stack.pop()
        path.pop()
        open.delete(top.id)
        done.add(top.id)
      }
    }
  }
  return null
}

// An operation may be named in several entries: all of them hold.
function allParents(dependencies: readonly Dependency[]): ReadonlyMap<string, readonly string[]> {
  const parentsOf = new Map<string, string[]>()
  for (const { operationId, parents } of dependencies) {
    const known = parentsOf.get(identityOf(operationId)) ?? []
    for (const parent of parents) known.push(identityOf(parent))
    parentsOf.set(identityOf(operationId), known)
  }
  return parentsOf
}

const SHOWN_MAX = 80
const SHOWN_OPERATIONS_MAX = 6

function shownCycle(cycle: readonly string[]): string {
  const shown = cycle.length > SHOWN_OPERATIONS_MAX ? [...cycle.slice(0, SHOWN_OPERATIONS_MAX - 1), '…'] : cycle
  return shown.map(clip).join(' → ')
}

function clip(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
}

function fault(field: string, message: string): CheckedSubmission {
  return { ok: false, fault: { field, message } }
}
