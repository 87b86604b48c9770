/** Makes a specification's tasks: an instance for each combination of the values that a task uses, in an order in which they can run. */
import { GROUP_EDGES_MAX, STEPS_MAX } from '../../../domain/step-groups.ts'
import type { StepGroup } from '../../../domain/messages.ts'
import { clip } from '../../errors.ts'
import type { Spec, Task, TaskSpec } from './schemas.ts'

/** A specification that can't be run; the message names what is wrong. */
export class SpecFault extends Error {
  override readonly name = 'SpecFault'
}

export interface NamedTask {
  readonly name: string
  /** Without `parents` and `children`, which the groups say. */
  readonly task: Omit<Task, 'parents' | 'children'>
}

export interface Expansion {
  /** In the order of the groups. */
  readonly tasks: readonly NamedTask[]
  /** One for each definition. */
  readonly groups: readonly StepGroup[]
}

/** Characters of all commands and environments: they are written to Kafka, and handed out. */
const EXPANDED_LENGTH_MAX = 16 * 1024 * 1024

/** Throws a SpecFault. The same specification always makes the same tasks, in the same order. */
export function expand(spec: Spec): Expansion {
  for (const [name, values] of Object.entries(spec.parameters ?? {})) {
    if (values.length === 0) throw new SpecFault(`The parameter "${clip(name)}" has no values`)
  }
  const definitions = Object.entries(spec.tasks)
  if (definitions.length === 0) throw new SpecFault('There are no tasks')
  if (definitions.some(([, { isGenerator }]) => isGenerator === true)) requireNoSlashes(spec.tasks)
  return expandTasks(spec.tasks, spec.parameters)
}

/** The same of tasks that a generator has printed, with the parameters of its run; there may be none. */
export function expandGenerated(tasks: Spec['tasks'], parameters: Spec['parameters']): Expansion {
  requireNoSlashes(tasks)
  return expandTasks(tasks, parameters)
}

// The id of what is generated is that of its generator, a slash, and its name.
function requireNoSlashes(tasks: Spec['tasks']): void {
  const name = Object.keys(tasks).find((each) => each.includes('/'))
  if (name !== undefined) throw new SpecFault(`The task "${clip(name)}" has a slash in its name, and can’t where there is a generator`)
}

function expandTasks(given: Spec['tasks'], values: Spec['parameters']): Expansion {
  const parameters = new Map(Object.entries(values ?? {}))
  const definitions = new Map(Object.entries(given))
  const order = ordered(parentsOf(definitions))
  const positionOf = new Map([...order.keys()].map((name, position) => [name, position]))
  const tasks: NamedTask[] = []
  const groups: StepGroup[] = []
  let length = 0
  for (const [name, parents] of order) {
    const definition = definitions.get(name)
    if (definition === undefined) throw new Error(`broken invariant: "${name}" is no task`)
    const instances = combinations(name, definition, parameters, STEPS_MAX - tasks.length)
    for (const [number, combination] of instances.entries()) {
      const task = instanceOf(definition, combination)
      length += lengthOf(task)
      if (length > EXPANDED_LENGTH_MAX) throw new SpecFault(`The tasks have more than ${EXPANDED_LENGTH_MAX} characters in their jobs`)
      tasks.push({ name: `${name}_${number}`, task })
    }
    const after = [...parents].map((parent) => positionOf.get(parent) ?? 0).sort((a, b) => a - b)
    const { maxRetries: retries = 0, retryIntervalSeconds = 0, isGenerator: generates = false } = definition
    groups.push({ operations: instances.length, after, retries, retryIntervalMs: 1_000 * retryIntervalSeconds, generates })
  }
  return { tasks, groups }
}

type Edges = ReadonlyMap<string, ReadonlySet<string>>

/** An edge may be said at either end. */
function parentsOf(definitions: ReadonlyMap<string, TaskSpec>): Edges {
  const parents = new Map([...definitions.keys()].map((name) => [name, new Set<string>()]))
  let edges = 0
  const join = (parent: string, child: string, wrong: string): void => {
    const known = parents.get(child)
    if (known === undefined || !parents.has(parent)) throw new SpecFault(wrong)
    known.add(parent)
    edges += 1
    if (edges > GROUP_EDGES_MAX) throw new SpecFault(`The tasks name more than ${GROUP_EDGES_MAX} parents and children`)
  }
  for (const [name, { parents: before = [], children = [] }] of definitions) {
    for (const parent of before) join(parent, name, `The task "${clip(name)}" has the parent "${clip(parent)}", which is no task`)
    for (const child of children) join(name, child, `The task "${clip(name)}" has the child "${clip(child)}", which is no task`)
  }
  return parents
}

/** The same with parents first, else in the order in which they were given. Throws on a cycle. */
function ordered(parents: Edges): Edges {
  const children = new Map<string, string[]>()
  const left = new Map<string, number>()
  for (const [name, before] of parents) {
    left.set(name, before.size)
    for (const parent of before) {
      const known = children.get(parent)
      if (known === undefined) children.set(parent, [name])
      else known.push(name)
    }
  }
  const order = new Map<string, ReadonlySet<string>>()
  const ready = [...parents.keys()].filter((name) => left.get(name) === 0)
  for (let at = 0; at < ready.length; at += 1) {
    const name = ready[at] ?? ''
    order.set(name, parents.get(name) ?? new Set())
    for (const child of children.get(name) ?? []) {
      const count = (left.get(child) ?? 0) - 1
      left.set(child, count)
      if (count === 0) ready.push(child)
    }
  }
  if (order.size < parents.size) throw new SpecFault(`The tasks ${shownCycle(parents, order)} wait for each other`)
  return order
}

const SHOWN_MAX = 10

/** Each that is not in order waits for another one that is not: going back from one leads into a cycle. */
function shownCycle(parents: Edges, order: Edges): string {
  const path = new Map<string, number>()
  let name = [...parents.keys()].find((each) => !order.has(each)) ?? ''
  while (!path.has(name)) {
    path.set(name, path.size)
    name = [...(parents.get(name) ?? [])].find((parent) => !order.has(parent)) ?? ''
  }
  const cycle = [...[...path.keys()].slice(path.get(name)), name].reverse()
  const shown = cycle.length > SHOWN_MAX ? [...cycle.slice(0, SHOWN_MAX), '…'] : cycle
  return shown.map((each) => `"${clip(each)}"`).join(' → ')
}

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g

/** The values of each instance: of the parameters that are used, in their order, the last changing first. */
function combinations(
  name: string,
  { job }: TaskSpec,
  parameters: ReadonlyMap<string, readonly string[]>,
  roomFor: number,
): readonly ReadonlyMap<string, string>[] {
  const texts = [...job.command, ...(job.environment ?? [])]
  const used = new Set(texts.flatMap((text) => Array.from(text.matchAll(PLACEHOLDER), ([, parameter = '']) => parameter)))
  const unknown = [...used].find((parameter) => !parameters.has(parameter))
  if (unknown !== undefined) throw new SpecFault(`The task "${clip(name)}" uses {{${clip(unknown)}}}, which is no parameter`)
  let instances: readonly ReadonlyMap<string, string>[] = [new Map()]
  for (const [parameter, values] of parameters) {
    if (!used.has(parameter)) continue
    if (instances.length * values.length > roomFor) throw tooMany()
    instances = instances.flatMap((known) => values.map((value) => new Map([...known, [parameter, value]])))
  }
  if (instances.length > roomFor) throw tooMany()
  return instances
}

function tooMany(): SpecFault {
  return new SpecFault(`The tasks have more than ${STEPS_MAX} instances together`)
}

function instanceOf(definition: TaskSpec, values: ReadonlyMap<string, string>): NamedTask['task'] {
  const { job, maxRetries = 0, retryIntervalSeconds = 0, isGenerator = false } = definition
  // What a value brings in is not looked at again.
  const filled = (text: string): string => text.replace(PLACEHOLDER, (_, parameter: string) => values.get(parameter) ?? '')
  const { cores, memoryMB } = job
  return {
    maxRetries,
    retryIntervalSeconds,
    job: {
      environment: (job.environment ?? []).map(filled),
      ...(memoryMB === undefined ? {} : { memoryMB }),
      ...(cores === undefined ? {} : { cores }),
      command: job.command.map(filled),
    },
    isGenerator,
  }
}

function lengthOf({ job }: NamedTask['task']): number {
  return [...job.command, ...job.environment].reduce((sum, text) => sum + text.length, 0)
}

/** Names of tasks that stand in all `parents` and `children` together at most, as instances. */
const SHOWN_EDGES_MAX = 200_000

/**
 * The tasks as they are shown, each with the instances that it comes after and that come after it. Where those would be too many, their
 * definitions stand for them. `generators` are the places of the tasks that have generated groups, by the groups' positions.
 */
export function shownTasks({ tasks, groups }: Expansion, generators: ReadonlyMap<number, number> = new Map()): ReadonlyMap<string, Task> {
  const edges = groups.flatMap(({ after }, child) => after.map((parent) => [parent, child] as const))
  const sizeOf = (group: number): number => groups[group]?.operations ?? 0
  const shownEdges = edges.reduce((sum, [parent, child]) => sum + 2 * sizeOf(parent) * sizeOf(child), 0)
  const members: (readonly string[])[] = []
  let first = 0
  for (const { operations } of groups) {
    const names = tasks.slice(first, first + operations).map(({ name }) => name)
    members.push(shownEdges > SHOWN_EDGES_MAX ? names.slice(0, 1).map((name) => name.slice(0, name.lastIndexOf('_'))) : names)
    first += operations
  }
  const [parents, children] = [groups.map((): string[] => []), groups.map((): string[] => [])]
  for (const [parent, child] of edges) {
    parents[child]?.push(...(members[parent] ?? []))
    children[parent]?.push(...(members[child] ?? []))
  }
  const generated = new Map<number, readonly string[]>()
  for (const [group, generator] of generators) {
    parents[group]?.unshift(tasks[generator]?.name ?? '')
    generated.set(generator, [...(generated.get(generator) ?? []), ...(members[group] ?? [])])
  }
  const groupOf = groups.flatMap(({ operations }, group) => Array.from({ length: operations }, () => group))
  return new Map(tasks.map(({ name, task }, step) => {
    const group = groupOf[step] ?? 0
    const after = [...(children[group] ?? []), ...(generated.get(step) ?? [])]
    return [name, { ...task, children: after, parents: parents[group] ?? [] }]
  }))
}
