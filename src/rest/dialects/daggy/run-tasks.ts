/** All tasks of a run: those of its specification, and those that its generators have printed. */
import { StepGroups } from '../../../domain/step-groups.ts'
import { type Expansion, type NamedTask, shownTasks } from './expansion.ts'
import type { Task } from './schemas.ts'

export interface RunTasks {
  /** By their names, in the order of the run's steps. */
  readonly tasks: ReadonlyMap<string, Task>
  /** What results call them, in the same order. */
  readonly operationIds: readonly string[]
}

export interface GeneratedTasks {
  /** Whose place among all tasks this is, it has printed them. */
  readonly generator: number
  readonly expansion: Expansion
}

/** A generated task has its own name where no other has it before, and its generator’s in front of that where one has. */
export function runTasks(submitted: Expansion, generated: readonly GeneratedTasks[]): RunTasks {
  const steps = new StepGroups(submitted.groups)
  const tasks: NamedTask[] = [...submitted.tasks]
  const operationIds = tasks.map(({ name }) => name)
  const taken = new Set(operationIds)
  const generators = new Map<number, number>()
  for (const { generator, expansion } of generated) {
    const [name, id] = [tasks[generator]?.name ?? '', operationIds[generator] ?? '']
    for (const at of expansion.groups.keys()) generators.set(steps.groups.length + at, generator)
    steps.add(generator, expansion.groups)
    for (const each of expansion.tasks) {
      const operationId = `${id}/${each.name}`
      const shown = [each.name, `${name}.${each.name}`].find((text) => !taken.has(text)) ?? operationId
      taken.add(shown)
      tasks.push({ ...each, name: shown })
      operationIds.push(operationId)
    }
  }
  return { tasks: shownTasks({ tasks, groups: steps.groups }, generators), operationIds }
}
