/** docs/state-machine.md, made from the tables of transitions. */
import { assignmentTransitions } from '../src/domain/assignment.ts'
import { jobTransitions } from '../src/domain/job.ts'
import { subjobTransitions } from '../src/domain/subjob.ts'

type Transitions = Readonly<Record<string, Readonly<Record<string, string>>>>

interface Machine {
  readonly title: string
  readonly source: string
  readonly about: readonly string[]
  /** States in which a thing may begin; `none` in the table stands for the thing that is not there yet. */
  readonly begins: readonly string[]
  readonly transitions: Transitions
}

const machines: readonly Machine[] = [
  {
    title: 'Job',
    source: 'src/domain/job.ts',
    about: [
      'Owned by the coordinator. It concludes when its last subjob was counted: the completion event or the manifest is being',
      'written. It has ended when that last word was written, or can never be.',
    ],
    begins: [],
    transitions: jobTransitions,
  },
  {
    title: 'Assignment',
    source: 'src/domain/assignment.ts',
    about: [
      'A subjob as the coordinator sees it. Reports that are repeated or late lead to where they started. A subjob without',
      'parents begins as dispatched.',
    ],
    begins: ['blocked', 'dispatched'],
    transitions: assignmentTransitions,
  },
  {
    title: 'Subjob',
    source: 'src/domain/subjob.ts',
    about: [
      'A subjob at its producer, owned by the dispatcher. An attempt that failed puts it back into the queue, from where it is',
      'tried again or given up; a refused one is published without an attempt.',
    ],
    begins: ['queued'],
    transitions: subjobTransitions,
  },
]

export function stateMachineDoc(): string {
  return [
    '# State machines',
    '',
    'Made from the tables of transitions in `src/domain/` by `npm run docs`. An event that a state does not name is a broken',
    'invariant there, and stops the process; tests go through every pair of a state and an event.',
    '',
    ...machines.flatMap(section),
  ].join('\n')
}

function section({ title, source, about, begins, transitions }: Machine): readonly string[] {
  const edges = Object.entries(transitions).flatMap(([from, targets]) =>
    Object.entries(targets).map(([event, to]) => `${from === 'none' ? '[*]' : from} --> ${to}: ${event}`),
  )
  const entries = begins.map((state) => `[*] --> ${state}`)
  const exits = Object.keys(transitions).filter((state) => isFinal(state, transitions)).map((state) => `${state} --> [*]`)
  const lines = ['stateDiagram-v2', ...[...entries, ...edges, ...exits].map((line) => `    ${line}`)]
  return [`## ${title}`, '', ...about, `Table: \`${source}\`.`, '', '```mermaid', ...lines, '```', '']
}

function isFinal(state: string, transitions: Transitions): boolean {
  return Object.values(transitions[state] ?? {}).every((target) => target === state)
}
