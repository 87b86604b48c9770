import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkGroups } from '../../../domain/step-groups.ts'
import { expand, shownTasks } from './expansion.ts'
import type { Spec, TaskSpec } from './schemas.ts'

const task = (changes: Partial<TaskSpec> = {}, ...command: readonly string[]): TaskSpec => {
  return { job: { command: command.length === 0 ? ['true'] : [...command] }, ...changes }
}
const spec = (tasks: Spec['tasks'], parameters: Spec['parameters'] = {}): Spec => ({ tag: 't', parameters, tasks })

describe('a specification', () => {
  it('makes an instance for each combination of the values that a task uses, in declared order, the last changing fastest', () => {
    const parameters = { B: ['b0', 'b1'], A: ['a0', 'a1', 'a2'], C: ['c'] }
    const made = expand(spec({ x: { job: { command: ['run', '{{A}}-{{B}}'], environment: ['V={{A}}'] } }, y: task() }, parameters))
    expect(made.tasks.map(({ name, task: { job } }) => [name, job.command[1], job.environment[0]])).toEqual([
      ...[['x_0', 'a0-b0', 'V=a0'], ['x_1', 'a1-b0', 'V=a1'], ['x_2', 'a2-b0', 'V=a2']],
      ...[['x_3', 'a0-b1', 'V=a0'], ['x_4', 'a1-b1', 'V=a1'], ['x_5', 'a2-b1', 'V=a2'], ['y_0', undefined, undefined]],
    ])
  })

  it('does not look into values for more placeholders', () => {
    const made = expand(spec({ x: task({}, '{{A}}') }, { A: ['{{B}}', '$&'] }))
    expect(made.tasks.map(({ task: { job } }) => job.command)).toEqual([['{{B}}'], ['$&']])
  })

  it('joins all instances of two tasks, whichever of them names the other, once', () => {
    const parameters = { N: ['1', '2'] }
    const tasks = { last: task(), first: task({ children: ['last'] }, '{{N}}'), other: task({ parents: ['first'] }, '{{N}}') }
    const made = expand(spec(tasks, parameters))
    expect(made.groups).toMatchObject([{ operations: 2, after: [] }, { operations: 1, after: [0] }, { operations: 2, after: [0] }])
    const shown = shownTasks(made)
    expect(shown.get('first_1')).toMatchObject({ parents: [], children: ['last_0', 'other_0', 'other_1'] })
    expect(shown.get('other_0')).toMatchObject({ parents: ['first_0', 'first_1'], children: [] })
  })

  it('of 10,000 tasks in 10 levels is made at once, and names definitions where instances would be too many', () => {
    const levels = Array.from({ length: 10 }, (_, n) => [`l${n}`, task({ parents: n === 0 ? [] : [`l${n - 1}`] }, '{{N}}')] as const)
    const made = expand(spec(Object.fromEntries(levels), { N: Array.from({ length: 1_000 }, (_, n) => String(n)) }))
    expect(made.tasks).toHaveLength(10_000)
    expect(checkGroups(made.groups, 10_000)).toBeNull()
    expect(shownTasks(made).get('l4_999')).toMatchObject({ parents: ['l3'], children: ['l5'] })
  })

  it('puts tasks behind all that they come after, however they are given', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_023), { maxLength: 10 }), fc.nat(), (bits, seed) => {
        const names = bits.map((_, n) => `t${n}`)
        const parents = bits.map((mask, n) => names.filter((_, other) => other < n && (mask >> other) % 2 === 1))
        const given = names.map((name, n) => [name, task({ parents: parents[n] ?? [] })] as const).sort(([one], [other]) => {
          return (Number(one.slice(1)) * (seed % 97)) % 7 - (Number(other.slice(1)) * (seed % 97)) % 7
        })
        if (given.length === 0) return
        const made = expand(spec(Object.fromEntries(given)))
        expect(checkGroups(made.groups, names.length)).toBeNull()
        for (const [name, { parents: shown }] of shownTasks(made)) {
          const own = parents[Number(name.slice(1, -2))] ?? []
          expect([...shown].sort()).toEqual(own.map((parent) => `${parent}_0`).sort())
        }
      }),
    )
  })

  it.each<[string, Spec, string]>([
    ['no tasks', spec({}), 'There are no tasks'],
    ['a parent that is none', spec({ a: task({ parents: ['b'] }) }), 'The task "a" has the parent "b", which is no task'],
    ['a child that is none', spec({ a: task({ children: ['b'] }) }), 'The task "a" has the child "b", which is no task'],
    ['a task that waits for itself', spec({ a: task({ parents: ['a'] }) }), 'The tasks "a" → "a" wait for each other'],
    [
      'a cycle behind what is in order',
      spec({ z: task({ children: ['a'] }), a: task({ parents: ['c'], children: ['b'] }), b: task(), c: task({ parents: ['b'] }) }),
      'The tasks "a" → "b" → "c" → "a" wait for each other',
    ],
    ['a parameter without values', spec({ a: task() }, { P: [] }), 'The parameter "P" has no values'],
    ['a placeholder of no parameter', spec({ a: task({}, 'x{{Q}}') }, { P: ['1'] }), 'The task "a" uses {{Q}}, which is no parameter'],
    [
      'too many instances',
      spec({ a: task({}, '{{P}}{{Q}}') }, { P: Array.from({ length: 200 }, String), Q: Array.from({ length: 200 }, String) }),
      'The tasks have more than 20000 instances together',
    ],
    [
      'too much text',
      spec({ a: task({}, '{{P}}') }, { P: Array.from({ length: 200 }, () => 'x'.repeat(100_000)) }),
      'The tasks have more than 16777216 characters in their jobs',
    ],
  ])('with %s is refused', (_, wrong, message) => {
    expect(() => expand(wrong)).toThrow(message)
  })
})
