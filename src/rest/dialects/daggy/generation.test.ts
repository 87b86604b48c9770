import { describe, expect, it } from 'vitest'
import { exampleGroup, exampleRoutedOperation } from '../../../../test/fakes/domain-examples.ts'
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import { DefinitionIndex } from '../../../inventory/definition-index.ts'
import type { Generation } from '../../../stages/generation.ts'
import { GENERATED, SPECS } from './base.ts'
import { expand, expandGenerated } from './expansion.ts'
import { daggyGenerate } from './generation.ts'
import { runTasks } from './run-tasks.ts'
import type { Spec } from './schemas.ts'

const job = { command: ['run', '{{N}}'] }
const spec: Spec = { tag: 't', parameters: { N: ['1', '2'] }, tasks: { split: { job: { command: ['split'] }, isGenerator: true } } }
const printed = { work: { job }, sum: { job: { command: ['sum'] }, parents: ['work'], isGenerator: true } }
const operation = exampleRoutedOperation({ operationId: 'split_0', op: 'action', path: '/definitions/daggy/specs/spec/0#run' })
const limits = { definitionBytesMax: 2_000, definitionsBytesMax: 3_000 }

function kept(place: typeof SPECS | typeof GENERATED, id: string, document: object): DefinitionRegistered {
  return { type: 'DefinitionRegistered', ...place, id, document: JSON.stringify(document), service: null, registeredAt: 1, paused: false }
}

/** What a generator that has printed this yields. */
async function generatedOf(
  text: string,
  known: readonly DefinitionRegistered[] = [],
  stdout: object = {},
  by = operation,
): Promise<Generation> {
  const definitions = new DefinitionIndex()
  // It is registered while the generator runs.
  const caughtUp = (): Promise<void> => {
    definitions.put(kept(SPECS, 'spec', spec))
    return Promise.resolve()
  }
  for (const definition of known) definitions.put(definition)
  const recordOf = ({ id, document }: DefinitionRegistered) => ({ topic: 'inventory', key: id, value: Buffer.from(document) })
  const generate = daggyGenerate({ definitions, caughtUp, recordOf, limits, clock: { now: () => 5 } })
  const result = { exitCode: 0, stdout: { text, bytes: text.length, truncated: false, ...stdout } }
  const response = Buffer.from(JSON.stringify({ statusCode: 0, result }))
  return generate({ dialectData: '{"tag":"t","spec":"spec"}', operation: by, response })
}

describe('what a generator has printed', () => {
  it('is expanded with the parameters of its run, and kept once', async () => {
    const generation = await generatedOf(JSON.stringify(printed))
    if (!generation.ok) throw new Error(generation.message)
    const { operations, groups, source } = generation.steps
    expect(groups).toEqual([exampleGroup({ operations: 2 }), exampleGroup({ after: [0], generates: true })])
    expect(operations.map(({ operationId, value }) => [operationId, (JSON.parse(value ?? '') as { input: object }).input])).toEqual([
      ['split_0/work_0', { command: ['run', '1'], environment: {} }],
      ['split_0/work_1', { command: ['run', '2'], environment: {} }],
      ['split_0/sum_0', { command: ['sum'], environment: {}, outputBytes: 524_288 }],
    ])
    expect(operations).toMatchObject([operation, operation, operation].map(({ op, path }) => ({ op, path })))
    expect(generation.records).toEqual([{ topic: 'inventory', key: source, value: Buffer.from(JSON.stringify({ tasks: printed })) }])
    const again = await generatedOf(JSON.stringify(printed), [kept(GENERATED, source, { tasks: printed })])
    expect(again).toEqual({ ...generation, records: [] })
  })

  it('may be no tasks at all', async () => {
    expect(await generatedOf('{}')).toMatchObject({ ok: true, steps: { operations: [], groups: [] }, records: [] })
  })

  it.each<[string, string, string]>([
    ['nothing', '', 'it is not valid JSON'],
    ['a list', '[]', 'it must be object'],
    ['a task without a command', '{"a": {"job": {}}}', 'a.job must have required properties command'],
    ['a member that is not known', '{"a": {"job": {"command": ["x"]}, "parent": ["b"]}}', 'a must not have additional properties: parent'],
    ['an unknown child', '{"a": {"job": {"command": ["x"]}, "children": ["b"]}}', 'The task "a" has the child "b", which is no task'],
    ['a parent that it has not printed', '{"a": {"job": {"command": ["x"]}, "parents": ["split"]}}', '"split", which is no task'],
    ['a cycle', '{"a": {"job": {"command": ["x"]}, "parents": ["a"]}}', '"a" → "a" wait for each other'],
    ['an unknown parameter', '{"a": {"job": {"command": ["{{M}}"]}}}', 'The task "a" uses {{M}}, which is no parameter'],
    ['what is no variable', '{"a": {"job": {"command": ["x"], "environment": ["1"]}}}', 'has "1" in its environment'],
    ['a name with a slash', '{"a/b": {"job": {"command": ["x"]}}}', 'The task "a/b" has a slash in its name'],
    ['too much to be kept', JSON.stringify({ a: { job: { command: ['x'.repeat(2_000)] } } }), 'it makes 2040 bytes, and may have 2000'],
  ])('that is %s is no tasks', async (_, text, message) => {
    const generation = await generatedOf(text)
    expect(generation).toEqual({ ok: false, message: expect.stringContaining(`What it has printed can’t be run: `) as string })
    expect(generation).toEqual({ ok: false, message: expect.stringContaining(message) as string })
  })

  it('can’t have names that are too long with their generator’s', async () => {
    const by = { ...operation, operationId: 'g'.repeat(60) }
    const generation = await generatedOf(JSON.stringify({ ['n'.repeat(194)]: { job } }), [], {}, by)
    expect(generation).toMatchObject({ ok: false, message: expect.stringContaining('has more than 256 characters') as string })
  })

  it('can’t be more than is kept of it, or than all of them may be', async () => {
    const cut = await generatedOf('{}', [], { truncated: true, bytes: 9 })
    expect(cut).toMatchObject({ message: expect.stringContaining('of its 9 bytes') as string })
    const others = [kept(GENERATED, 'other', { tasks: 'x'.repeat(2_950) })]
    const generation = await generatedOf(JSON.stringify(printed), others)
    expect(generation).toMatchObject({ message: expect.stringContaining('may have 3000 bytes') as string })
  })
})

describe('the tasks of a run', () => {
  const of = (tasks: Spec['tasks']) => expandGenerated(tasks, spec.parameters)
  const plain = { job: { command: ['x'] } }

  it('have those that were generated between their generator and what comes after that', () => {
    const submitted = expand({ ...spec, tasks: { ...spec.tasks, last: { ...plain, parents: ['split'] } } })
    const { tasks, operationIds } = runTasks(submitted, [{ generator: 0, expansion: of(printed) }])
    expect(operationIds).toEqual(['split_0', 'last_0', 'split_0/work_0', 'split_0/work_1', 'split_0/sum_0'])
    expect(Object.fromEntries([...tasks].map(([name, { parents, children }]) => [name, [parents, children]]))).toEqual({
      split_0: [[], ['last_0', 'work_0', 'work_1', 'sum_0']],
      last_0: [['split_0', 'work_0', 'work_1', 'sum_0'], []],
      work_0: [['split_0'], ['last_0', 'sum_0']],
      work_1: [['split_0'], ['last_0', 'sum_0']],
      sum_0: [['split_0', 'work_0', 'work_1'], ['last_0']],
    })
  })

  it('have a name of their own each, which stays theirs when more are generated', () => {
    const generators = { job, isGenerator: true }
    const submitted = expand({ ...spec, tasks: { g: generators, w: plain, 'g_1.w': plain } })
    const generated = [0, 1].map((generator) => ({ generator, expansion: of({ w: plain, v: plain }) }))
    const names = (count: number): readonly string[] => [...runTasks(submitted, generated.slice(0, count)).tasks.keys()]
    expect(names(1)).toEqual(['g_0', 'g_1', 'w_0', 'g_1.w_0', 'g_0.w_0', 'v_0'])
    expect(names(2)).toEqual([...names(1), 'g_1/w_0', 'g_1.v_0'])
  })
})
