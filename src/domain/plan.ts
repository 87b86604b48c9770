/** Adds the job's dependencies to its split: which subjobs wait for which. */
import type { Dependency } from './messages.ts'
import type { RoutedOperation } from './operation.ts'
import type { SubjobPlan } from './split.ts'

export interface LinkedPlan extends SubjobPlan {
  /** Subjobs that must have succeeded before this one starts. */
  readonly parents: readonly number[]
  readonly children: readonly number[]
}

/** Every operation that waits, or is waited for, gets a subjob of its own; the rest of the split stays as it is. */
export function linkPlans(plans: readonly SubjobPlan[], dependencies: readonly Dependency[]): readonly LinkedPlan[] {
  if (dependencies.length === 0) return plans.map((plan) => ({ ...plan, parents: [], children: [] }))
  const linked = new Set(dependencies.flatMap(({ operationId, parents }) => [operationId, ...parents].map(String)))
  const separate = plans.flatMap((plan) => isolate(plan, linked)).map((plan, index) => ({ ...plan, index }))
  const indexOf = new Map<string, number>()
  for (const plan of separate) for (const each of plan.operations) indexOf.set(String(each.operationId), plan.index)
  const parents = new Map<number, Set<number>>()
  const children = new Map<number, Set<number>>()
  for (const dependency of dependencies) {
    const child = indexOf.get(String(dependency.operationId))
    for (const id of dependency.parents) {
      const parent = indexOf.get(String(id))
      if (child === undefined || parent === undefined) throw new Error(`broken invariant: unchecked dependency on "${id}"`)
      addTo(parents, child, parent)
      addTo(children, parent, child)
    }
  }
  return separate.map((plan) => ({
    ...plan,
    parents: [...(parents.get(plan.index) ?? [])],
    children: [...(children.get(plan.index) ?? [])],
  }))
}

function isolate(plan: SubjobPlan, linked: ReadonlySet<string>): readonly SubjobPlan[] {
  const together: RoutedOperation[] = []
  const alone: SubjobPlan[] = []
  for (const operation of plan.operations) {
    if (linked.has(String(operation.operationId))) alone.push({ ...plan, operations: [operation] })
    else together.push(operation)
  }
  return together.length === 0 ? alone : [{ ...plan, operations: together }, ...alone]
}

function addTo(edges: Map<number, Set<number>>, from: number, to: number): void {
  const known = edges.get(from)
  if (known === undefined) edges.set(from, new Set([to]))
  else known.add(to)
}
