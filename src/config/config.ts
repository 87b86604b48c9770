/** Reads the settings from the environment. All that is wrong is said at once; nothing starts on a guess. */
import type { Setting } from './setting.ts'
import { settings } from './settings.ts'

type Settings = typeof settings
type Widened<Value> = Value extends readonly (infer Item)[] ? readonly Item[] : Value
export type Config = { readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer Value> ? Widened<Value> : never }

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Values from the command line; they win over the environment. */
  readonly overrides?: Partial<Config>
}

/** Variables with our prefix that are read elsewhere: by the stack launcher and by the command line. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['DATAJOB_STACK', 'DATAJOB_STACK_FOLDER', 'DATAJOB_URL', 'DATAJOB_TOKEN'])

export function loadConfig({ env, overrides = {} }: ConfigSources): LoadedConfig {
  const problems = unknownVariables(env)
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settings) as [keyof Settings, Setting<unknown>][]) {
    const given = env[setting.variable]
    const value = given === undefined || given === '' ? setting.fallback : setting.parse(given)
    if (value === undefined) problems.push(problemOf(setting, given ?? ''))
    values[name] = overrides[name] ?? value
  }
  if (problems.length > 0) return { ok: false, problems }
  const config = values as Config
  const unrelated = brokenRelations(config)
  return unrelated.length > 0 ? { ok: false, problems: unrelated } : { ok: true, config }
}

function problemOf(setting: Setting<unknown>, given: string): string {
  const shown = setting.secret ? 'the given value' : `"${given.slice(0, 80)}"`
  return `${setting.variable}: ${shown} is not allowed (${setting.unit}; ${setting.limits})`
}

function unknownVariables(env: ConfigSources['env']): string[] {
  const known = new Set(Object.values(settings).map((setting) => setting.variable))
  return Object.keys(env)
    .filter((variable) => variable.startsWith('DATAJOB_') && !known.has(variable) && !OTHER_VARIABLES.has(variable))
    .map((variable) => `${variable}: there is no such setting (docs/config.md lists them all)`)
}

type Relation = readonly [lesser: keyof Config, greater: keyof Config, why: string]

const relations: readonly Relation[] = [
  ['heartbeatIntervalMs', 'sessionTimeoutMs', 'or a process is taken for dead between two heartbeats'],
  ['transactionTimeoutMs', 'sessionTimeoutMs', 'so that an open transaction is settled before its lane moves'],
  ['sessionTimeoutMs', 'progressTimeoutMs', 'so that a lane is not taken for stuck while its group finds out who has gone'],
  ['transactionTimeoutMs', 'progressTimeoutMs', 'so that a transaction that hangs is ended by the broker first'],
  ['sessionTimeoutMs', 'eventLoopTimeoutMs', 'for what others take over at once need not end the process'],
  ['resultTimeoutMs', 'effectTimeoutMs', 'or a result that is slow would be taken for one that never comes'],
  ['callTimeoutMs', 'resultTimeoutMs', 'for a result begins with a call'],
  ['pollDelayMinMs', 'pollDelayMaxMs', 'as the shortest and the longest wait'],
  ['retryDelayMinMs', 'retryDelayMaxMs', 'as the first and the largest bound'],
  ['callbackDelayMinMs', 'callbackDelayMaxMs', 'as the first and the largest bound'],
]

function brokenRelations(config: Config): string[] {
  const problems = relations
    .filter(([lesser, greater]) => !(config[lesser] < config[greater]))
    .map(([lesser, greater, why]) => {
      const names = [settings[lesser].variable, settings[greater].variable] as const
      return `${names[0]} (${String(config[lesser])}) must be below ${names[1]} (${String(config[greater])}), ${why}`
    })
  const { callsInFlightMax, resultsInFlightMax, pluginConnectionsMax } = config
  if (pluginConnectionsMax < callsInFlightMax + resultsInFlightMax) {
    const needed = `DATAJOB_CALLS_IN_FLIGHT_MAX (${callsInFlightMax}) + DATAJOB_RESULTS_IN_FLIGHT_MAX (${resultsInFlightMax})`
    const given = `DATAJOB_PLUGIN_CONNECTIONS_MAX (${pluginConnectionsMax})`
    problems.push(`${given} must be at least ${needed}, for each of them holds a connection`)
  }
  // A path may take six bytes a character in JSON, and each operation's report has to fit into one event.
  if (config.eventBytesMax < 6 * config.pathLengthMax + 1_024) {
    const needed = `6 × DATAJOB_PATH_LENGTH_MAX (${config.pathLengthMax}) + 1024`
    problems.push(`DATAJOB_EVENT_BYTES_MAX (${config.eventBytesMax}) must be at least ${needed}, or a report may not fit into an event`)
  }
  if (config.roles.includes('facade') && !config.roles.includes('projector')) {
    problems.push('DATAJOB_ROLES: the facade answers from the read model that the projector keeps: run both in one process')
  }
  return problems
}
