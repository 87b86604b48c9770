/** Adds the job's dependencies to its split: which subjobs wait for which. */
import type { Dependency } from './messages.ts'
import type { RoutedOperation } from './operation.ts'
import type { SubjobPlan } from './split.ts'

export interface LinkedPlan extends SubjobPlan {
  /** Subjobs that must have succeeded before this one starts. */
  readonly parents: readonly number[]
  readonly children: readonly number[]
}

/** Cuts every operation that waits, or is waited for, out into a subjob of its own; the order at each producer stays as it is. */
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

/** Plans of a part of a job, where as many subjobs come before: they wait for nothing. */
export function plansFrom(index: number, plans: readonly SubjobPlan[]): readonly LinkedPlan[] {
  return plans.map((plan, position) => ({ ...plan, index: index + position, parents: [], children: [] }))
}

// The order of the request is kept: what stands between two that are cut out stays between them.
function isolate(plan: SubjobPlan, linked: ReadonlySet<string>): readonly SubjobPlan[] {
  const pieces: { readonly operations: RoutedOperation[]; readonly alone: boolean }[] = []
  for (const operation of plan.operations) {
    const alone = linked.has(String(operation.operationId))
    const last = pieces.at(-1)
    if (last === undefined || alone || last.alone) pieces.push({ operations: [operation], alone })
    else last.operations.push(operation)
  }
  return pieces.map(({ operations }) => ({ ...plan, operations }))
}

function addTo(edges: Map<number, Set<number>>, from: number, to: number): void {
  const known = edges.get(from)
  if (known === undefined) edges.set(from, new Set([to]))
  else known.add(to)
}
