/** Dependencies point inward: domain ← stages ← adapters ← composition root (STYLE: Shape). */
const within = (folders) => `^src/(${folders.join('|')})/`

/** What each folder of src/ may import from the others, beside itself. */
const allowed = {
  domain: [],
  runtime: [],
  config: [],
  stages: ['domain', 'runtime', 'read-model/port', 'kafka/port', 'kafka/topic-tail', 'kafka/topics'],
  kafka: ['domain', 'runtime', 'stages'],
  codec: ['domain', 'runtime'],
  dmi: ['domain', 'runtime', 'codec', 'outside'],
  sinks: ['domain', 'runtime', 'codec', 'kafka/port', 'dmi', 'stages'],
  inventory: ['domain', 'runtime', 'codec', 'kafka'],
  'read-model': ['domain', 'runtime', 'kafka/port'],
  rest: ['callbacks', 'domain', 'runtime', 'codec', 'kafka/port', 'kafka/topics', 'read-model', 'inventory', 'stages', 'results', 'sinks/kafka/event-headers'],
  callbacks: ['domain', 'runtime', 'stages', 'outside'],
  outside: [],
  results: ['domain', 'kafka/port', 'sinks'],
  spill: ['domain', 'codec', 'stages'],
  producer: ['runtime', 'codec', 'domain', 'kafka/port', 'sinks/s3'],
  effects: ['domain', 'runtime', 'codec', 'dmi', 'sinks', 'stages', 'inventory', 'observability', 'kafka/port'],
  observability: ['kafka', 'domain', 'runtime'],
}

const layers = Object.entries(allowed).map(([folder, others]) => ({
  name: `${folder}-imports-inward-only`,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: [`^src/${folder}/`, ...others.map((other) => `^src/${other}[/.]`)] },
}))

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'stages-know-each-other-by-messages-only',
      severity: 'error',
      from: { path: '^src/stages/([^/]+)/' },
      to: { path: '^src/stages/[^/]+/', pathNot: '^src/stages/$1/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'domain-is-pure',
      comment: 'No node:*, no package: the core is told everything.',
      severity: 'error',
      from: { path: within(['domain']), pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer'] },
    },
    {
      name: 'one-door-to-kafka',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/kafka/kafkajs/', '\\.test\\.ts$'] },
      to: { path: 'node_modules/kafkajs' },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
}
