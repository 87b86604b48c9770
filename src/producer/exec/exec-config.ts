/** What the operator configures of an exec producer: above all, what may run. */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { isLoopback } from '../../runtime/loopback.ts'
import { problemsWith } from './problems.ts'

const STRICT = { additionalProperties: false }
const NAME = '^\\w[\\w.-]{0,63}$'
const VARIABLE = '^[A-Za-z_][A-Za-z0-9_]*$'
const DAY_S = 86_400
const WEEK_S = 7 * DAY_S

const absolutePath = Type.String({ pattern: '^/[^\\0]+$' })
const environment = Type.Record(Type.String({ pattern: VARIABLE }), Type.String(), STRICT)

function amount(min: number, max: number, fallback: number): ReturnType<typeof Type.Integer> {
  return Type.Integer({ minimum: min, maximum: max, default: fallback })
}

/** What an operation gets that doesn't say what it needs, and the most that it may ask for. */
function bounds(max: number, fallback: number, most?: number) {
  const limit = { minimum: 1, maximum: max }
  return Type.Object(
    {
      default: Type.Integer({ ...limit, default: fallback }),
      max: Type.Optional(Type.Integer(most === undefined ? limit : { ...limit, default: most })),
    },
    { ...STRICT, default: {} },
  )
}

const CORES_MAX = 4_096
const MEMORY_MB_MAX = 64 * 2 ** 20
const OUTPUT_BYTES_MAX = 64 * 2 ** 20

const ownMaximum = {
  cores: Type.Optional(Type.Integer({ minimum: 1, maximum: CORES_MAX })),
  memoryMB: Type.Optional(Type.Integer({ minimum: 1, maximum: MEMORY_MB_MAX })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: WEEK_S })),
}

const USER_MAX = 2 ** 32 - 2

const userSchema = Type.Object(
  { uid: Type.Integer({ minimum: 1, maximum: USER_MAX }), gid: Type.Integer({ minimum: 1, maximum: USER_MAX }) },
  STRICT,
)

const programSchema = Type.Object(
  {
    /** Of the file that is run; it is not looked for anywhere. */
    path: absolutePath,
    /** They come before those that an operation gives. */
    arguments: Type.Optional(Type.Array(Type.String())),
    /** The program is a shell: an operation gives one text, with or without a `-c` before it, which it is handed behind `-c`. */
    shell: Type.Optional(Type.Boolean()),
    environment: Type.Optional(environment),
    /** The most that an operation of this program may ask for, below the limits of all. */
    max: Type.Optional(Type.Object(ownMaximum, STRICT)),
  },
  STRICT,
)

const cwlSchema = Type.Object(
  {
    /** cwltool, installed by the operator. */
    runner: absolutePath,
    containers: Type.Boolean({ default: false }),
    /** `listed`: a tool's `baseCommand` is the name of a program on the list; `any`: who may submit CWL may run what it says. */
    programs: Type.Union([Type.Literal('listed'), Type.Literal('any')], { default: 'listed' }),
  },
  STRICT,
)

export const execConfigSchema = Type.Object(
  {
    name: Type.String({ pattern: NAME, default: 'exec' }),
    host: Type.String({ minLength: 1, default: '127.0.0.1' }),
    port: amount(0, 65_535, 0),
    auth: Type.Optional(
      Type.Object({ username: Type.String({ pattern: '^[^:\\0]{1,256}$' }), passwordFile: Type.String({ minLength: 1 }) }, STRICT),
    ),
    dataFolder: Type.String({ minLength: 1 }),
    /** Whom commands run as; left out, as the producer itself does. */
    user: Type.Optional(userSchema),
    programs: Type.Record(Type.String({ pattern: NAME }), programSchema, { ...STRICT, default: {} }),
    environment: Type.Record(Type.String({ pattern: VARIABLE }), Type.String(), { ...STRICT, default: {} }),
    capacity: Type.Object(
      {
        cores: Type.Optional(Type.Integer({ minimum: 1, maximum: CORES_MAX })),
        memoryMB: Type.Optional(Type.Integer({ minimum: 16, maximum: MEMORY_MB_MAX })),
      },
      { ...STRICT, default: {} },
    ),
    limits: Type.Object(
      {
        cores: bounds(CORES_MAX, 1),
        memoryMB: bounds(MEMORY_MB_MAX, 512),
        timeoutSeconds: bounds(WEEK_S, 3_600, DAY_S),
        outputBytes: bounds(OUTPUT_BYTES_MAX, 65_536, 4 * 2 ** 20),
        fileMB: amount(1, 16 * 2 ** 20, 10_240),
        openFiles: amount(16, 1_048_576, 1_024),
      },
      { ...STRICT, default: {} },
    ),
    jobsMax: amount(1, 1_000_000, 1_000),
    bodyBytesMax: amount(1_024, 256 * 2 ** 20, 16 * 2 ** 20),
    attemptsMax: amount(1, 1_000, 3),
    killGraceSeconds: amount(0, 3_600, 10),
    stopSeconds: amount(0, 3_600, 10),
    publishSeconds: amount(1, DAY_S, 600),
    retentionSeconds: amount(1, 365 * DAY_S, DAY_S),
    bucket: Type.Optional(Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' })),
    cgroup: Type.Optional(absolutePath),
    cwl: Type.Optional(cwlSchema),
  },
  STRICT,
)

type Given = Static<typeof execConfigSchema>
export type Program = Static<typeof programSchema>
export type CommandUser = Static<typeof userSchema>
export type CwlConfig = Static<typeof cwlSchema>

export interface Bounds {
  readonly default: number
  readonly max: number
}

/** What operations ask for, each in the unit of its name. */
export interface LimitBounds {
  readonly cores: Bounds
  readonly memoryMB: Bounds
  readonly timeoutSeconds: Bounds
  readonly outputBytes: Bounds
}

export interface ExecConfig extends Omit<Given, 'capacity' | 'limits'> {
  readonly capacity: { readonly cores: number; readonly memoryMB: number }
  readonly limits: LimitBounds & { readonly fileMB: number; readonly openFiles: number }
}

/** What there is to give away. */
export interface Machine {
  readonly cores: number
  readonly memoryMB: number
}

export type ReadConfig =
  | { readonly ok: true; readonly config: ExecConfig }
  | { readonly ok: false; readonly problems: readonly string[] }

/** The configuration with all that it leaves open, or everything that is wrong with it. */
export function readExecConfig(document: unknown, machine: Machine): ReadConfig {
  const given = Value.Default(execConfigSchema, structuredClone(document))
  if (!Value.Check(execConfigSchema, given)) return { ok: false, problems: problemsWith(execConfigSchema, given) }
  const capacity = { cores: given.capacity.cores ?? machine.cores, memoryMB: given.capacity.memoryMB ?? machine.memoryMB }
  const { cores, memoryMB, timeoutSeconds, outputBytes, fileMB, openFiles } = given.limits
  const limits = {
    cores: settled(cores, capacity.cores),
    memoryMB: settled(memoryMB, capacity.memoryMB),
    timeoutSeconds: settled(timeoutSeconds, DAY_S),
    outputBytes: settled(outputBytes, OUTPUT_BYTES_MAX),
    ...{ fileMB, openFiles },
  }
  const config = { ...given, capacity, limits }
  const problems = [...unrelated(config, machine), ...oddPrograms(config)]
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config }
}

function settled(given: { readonly default: number; readonly max?: number }, max: number): Bounds {
  return { default: given.default, max: given.max ?? max }
}

function unrelated({ capacity, limits, host, auth }: ExecConfig, machine: Machine): readonly string[] {
  const problems: string[] = []
  for (const name of ['cores', 'memoryMB'] as const) {
    const [have, there, most] = [capacity[name], machine[name], limits[name].max]
    if (have > there) problems.push(`capacity.${name}: is ${have}, but this machine has ${there}`)
    if (most > have) problems.push(`limits.${name}.max: is ${most}, but capacity.${name} is ${have}`)
  }
  for (const name of ['cores', 'memoryMB', 'timeoutSeconds', 'outputBytes'] as const) {
    const { default: fallback, max } = limits[name]
    if (fallback > max) problems.push(`limits.${name}.default: is ${fallback}, but limits.${name}.max is ${max}`)
  }
  if (!isLoopback(host) && auth === undefined) {
    problems.push(`host: is "${host}", which others can reach: configure auth, or listen on 127.0.0.1`)
  }
  return problems
}

function oddPrograms({ programs, cwl }: ExecConfig): readonly string[] {
  const problems = Object.entries(programs)
    .filter(([, { shell, arguments: fixed }]) => shell === true && fixed !== undefined)
    .map(([name]) => `programs.${name}: a shell takes one text behind -c, so it has no arguments`)
  if (Object.keys(programs).length > 0 || cwl?.programs === 'any') return problems
  return [...problems, 'programs: is empty, so nothing could run']
}
