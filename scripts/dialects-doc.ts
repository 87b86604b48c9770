/** docs/dialects.md: what each dialect calls a job's and a subjob's states and fields, found out from the code that answers with them. */
import type { Job, Phase } from '../src/domain/job.ts'
import type { SubjobRow } from '../src/read-model/subjob-row.ts'
import { type DialectColumn, dialectColumns } from './dialect-columns.ts'
import { type Pair, phases, rows, rowVariants, states, times, variants } from './dialect-samples.ts'

export function dialectsDoc(): string {
  return [
    '# Dialects',
    '',
    'One core, several doors: what each calls the same thing. Made by `npm run docs` from the code that answers: a job and a subjob',
    'were put into each state and answered for, and answered for again with each of their fields changed. "–" is where nothing of it is',
    'shown.',
    '',
    'A job that came through any door is listed and followed under `/ranoam/cm/v1/dataJob` and with `datajob list`, `get` and `watch`,',
    'with its `dialect` and `tenant`. The other dialects show their own jobs only.',
    ...section('States of a job', stateRows(states, (column, phase) => [column.jobOf(jobOf(column, {}, phase)).status])),
    ...section('States of a subjob', stateRows(rows, subjobWords)),
    ...section('Fields of a job', fieldRows(jobChanges)),
    ...section('Fields of a subjob', fieldRows(subjobChanges)),
    ...section('Fields that come from elsewhere', [
      ['of a job', ...each((column) => words(pathsElsewhere(jobChanges(column), allJobs(column))))],
      ['of a subjob', ...each((column) => words(pathsElsewhere(subjobChanges(column), allSubjobs(column))))],
    ]),
    '',
  ].join('\n')
}

type Rows = readonly (readonly string[])[]

function stateRows<State>(all: Readonly<Record<string, State>>, wordsOf: (column: DialectColumn, state: State) => readonly string[]): Rows {
  return Object.entries(all).map(([name, state]) => [name, ...each((column) => words(wordsOf(column, state)))])
}

/** A field of the core, and what shows it in one answer and in another. */
type Compared = readonly [field: string, one: object | null, other: object | null]

function fieldRows(changesOf: (column: DialectColumn) => readonly Compared[]): Rows {
  const changes = new Map(dialectColumns.map((column) => [column, changesOf(column)]))
  const names = new Set([...changes.values()].flat().map(([field]) => field))
  const pathsOf = (column: DialectColumn, name: string): readonly string[] =>
    (changes.get(column) ?? []).flatMap(([field, one, other]) => (field === name ? changedPaths(one, other) : []))
  return [...names].map((name) => [name, ...each((column) => words(pathsOf(column, name)))])
}

function jobChanges(column: DialectColumn): readonly Compared[] {
  const answers = (field: string, [one, other]: Pair<object>, [before, after]: Pair<Phase>): Compared => {
    return [field, column.jobOf(jobOf(column, one, before)), column.jobOf(jobOf(column, other, after))]
  }
  const all: Readonly<Record<string, Pair<unknown>>> = { ...variants, dialect: [column.dialect, 'other'], dialectData: column.data }
  const facts = Object.entries(all).flatMap(([name, [one, other]]) => {
    return phases.map((phase) => answers(name, [{ [name]: one }, { [name]: other }], [phase, phase]))
  })
  return [...facts, ...Object.entries(times).map(([name, pair]) => answers(name, [{}, {}], pair))]
}

function allJobs(column: DialectColumn): readonly object[] {
  return phases.map((phase) => column.jobOf(jobOf(column, {}, phase)))
}

function subjobChanges(column: DialectColumn): readonly Compared[] {
  return rowVariants.map(([name, one, other]) => [name, subjobAnswer(column, one), subjobAnswer(column, other)])
}

function allSubjobs(column: DialectColumn): readonly object[] {
  return Object.values(rows).flatMap((row) => subjobAnswer(column, row) ?? [])
}

/** What the dialect shows that is the same whatever the core says, `status` aside. */
function pathsElsewhere(changes: readonly Compared[], answers: readonly object[]): readonly string[] {
  const known = new Set(['status', ...changes.flatMap(([, one, other]) => changedPaths(one, other))])
  return answers.flatMap((answer) => [...leavesOf(answer).keys()]).filter((path) => !known.has(path))
}

function changedPaths(one: object | null, other: object | null): readonly string[] {
  const before = leavesOf(one ?? {})
  const after = leavesOf(other ?? {})
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path))
}

/** Every value in it by its path, as in `links[].href`; those of a list together, and what is empty by its own. */
function leavesOf(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) leavesOf(item, `${path}[]`, found)
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) leavesOf(inner, path === '' ? name : `${path}.${name}`, found)
  } else {
    found.set(path, `${found.get(path) ?? ''}${JSON.stringify(value)}`)
  }
  return found
}

function jobOf({ dialect, data }: DialectColumn, facts: object, phase: Phase): Job {
  const first = Object.fromEntries(Object.entries(variants).map(([name, [one]]) => [name, one]))
  return { ...first, dialect, dialectData: data[0], ...facts, ...phase } as Job
}

function subjobAnswer(column: DialectColumn, row: SubjobRow): (object & { readonly status: string }) | null {
  return column.subjobOf?.(row, jobOf(column, {}, { state: 'running', startedAt: 2_000 })) ?? null
}

function subjobWords(column: DialectColumn, row: SubjobRow): readonly string[] {
  const answer = subjobAnswer(column, row)
  return answer === null ? [] : [answer.status]
}

function each(cell: (column: DialectColumn) => string): readonly string[] {
  return dialectColumns.map(cell)
}

function words(found: readonly string[]): string {
  const all = [...new Set(found)].sort()
  return all.length === 0 ? '–' : all.map((word) => `\`${word}\``).join(', ')
}

function section(title: string, lines: Rows): readonly string[] {
  return ['', `## ${title}`, '', ...table(lines)]
}

function table(lines: Rows): readonly string[] {
  const head = ['core', ...dialectColumns.map(({ title, dialect }) => `${title} (\`${dialect}\`)`)]
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`)
}
