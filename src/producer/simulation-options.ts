/** How a simulated producer behaves. Rates are probabilities from 0 to 1. */
export interface SimulatedProducerOptions {
  readonly port: number
  readonly name: string
  readonly delayMs: { readonly min: number; readonly max: number }
  readonly failOperations: FailOperations
  readonly failSubmits: number
  readonly failStatus: number
  readonly resultBytes: number
  readonly latencyMs: number
  readonly seed: number
  readonly forgetAfterMs: number
  readonly memoryMib: number
  /** Empty: results are in the answer. */
  readonly resultTopic: string
}

/** Which operations a network element refuses. */
export type FailOperations =
  | { readonly type: 'rate'; readonly rate: number }
  | { readonly type: 'path'; readonly pattern: RegExp }

/** One option of the command line. */
export interface SimulationOption<Value> {
  /** Without the leading dashes; its camel case is the option's key. */
  readonly flag: string
  /** What stands in the help text for the value. */
  readonly argument: string
  readonly description: string
  /** In the form that `parse` reads. */
  readonly fallback: string
  /** The allowed values in words. */
  readonly allowed: string
  /** The value, or undefined when the text is none. */
  parse(text: string): Value | undefined
}

function wholeNumber(min: number, max: number): Pick<SimulationOption<number>, 'argument' | 'allowed' | 'parse'> {
  return {
    argument: 'number',
    allowed: `${min} to ${max}`,
    parse: (text) => {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

const rate: Pick<SimulationOption<number>, 'argument' | 'allowed' | 'parse'> = {
  argument: 'rate',
  allowed: '0 to 1',
  parse: rateOf,
}

const DAY_MS = 86_400_000

/** Every option of `datajob producer simulate`, in the order of its help text. */
export const simulationOptions: {
  readonly [Key in keyof SimulatedProducerOptions]: SimulationOption<SimulatedProducerOptions[Key]>
} = {
  port: {
    flag: 'port',
    description: 'Port on 127.0.0.1; 0 takes a free one',
    fallback: '0',
    ...wholeNumber(0, 65_535),
  },
  name: {
    flag: 'name',
    argument: 'name',
    description: 'Name of the DMI service, part of the ids that it gives',
    fallback: 'simulated',
    allowed: '1 to 64 letters, digits, ".", "_" and "-"',
    parse: (text) => (/^[\w.-]{1,64}$/.test(text) ? text : undefined),
  },
  delayMs: {
    flag: 'delay-ms',
    argument: 'min..max',
    description: 'Time from a submission until it is FINISHED, drawn evenly from the range',
    fallback: '50..200',
    allowed: `one number or two with ".." between them, 0 to ${DAY_MS}`,
    parse: rangeOf,
  },
  failOperations: {
    flag: 'fail-operations',
    argument: 'rate|pattern',
    description: 'Operations that fail: a share of them, or those whose path matches a regular expression',
    fallback: '0',
    allowed: 'a number from 0 to 1, or a regular expression',
    parse: failOperationsOf,
  },
  failSubmits: {
    flag: 'fail-submits',
    description: 'Share of submissions answered 503, half of them after the work was taken on all the same',
    fallback: '0',
    ...rate,
  },
  failStatus: {
    flag: 'fail-status',
    description: 'Share of status calls answered 503',
    fallback: '0',
    ...rate,
  },
  resultBytes: {
    flag: 'result-bytes',
    description: "Size of each operation's result; below 11 it is {}",
    fallback: '64',
    ...wholeNumber(0, 2 ** 40),
  },
  latencyMs: {
    flag: 'latency-ms',
    description: 'Time that every call takes at least',
    fallback: '0',
    ...wholeNumber(0, DAY_MS),
  },
  seed: {
    flag: 'seed',
    description: 'The same calls in the same order give the same answers for the same seed and name',
    fallback: '1',
    ...wholeNumber(0, 2 ** 32 - 1),
  },
  forgetAfterMs: {
    flag: 'forget-after-ms',
    description: 'A finished job is forgotten when nobody has asked for it for this long',
    fallback: '600000',
    ...wholeNumber(0, DAY_MS),
  },
  memoryMib: {
    flag: 'memory-mib',
    description: 'Memory for jobs; beyond it finished ones are forgotten early, then submissions are answered 503',
    fallback: '256',
    ...wholeNumber(1, 65_536),
  },
  resultTopic: {
    flag: 'result-topic',
    argument: 'topic',
    description: 'Results are put on this topic, and answered with its name (brokers: DATAJOB_KAFKA_BROKERS, else the local stack)',
    fallback: '',
    allowed: "a topic's name",
    parse: (text) => (/^(?!\.{1,2}$)[\w.-]{0,249}$/.test(text) ? text : undefined),
  },
}

export type ReadOptions =
  | { readonly ok: true; readonly options: SimulatedProducerOptions }
  | { readonly ok: false; readonly problems: readonly string[] }

/** All that is given, with the fallbacks for what is not; or everything that is wrong with it. */
export function readSimulationOptions(
  given: Readonly<Partial<Record<keyof SimulatedProducerOptions, string>>>,
): ReadOptions {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const key of Object.keys(simulationOptions) as (keyof SimulatedProducerOptions)[]) {
    const option = simulationOptions[key]
    const text = given[key] ?? option.fallback
    values[key] = option.parse(text)
    if (values[key] === undefined) problems.push(`--${option.flag} is "${text}", but must be ${option.allowed}`)
  }
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, options: values as unknown as SimulatedProducerOptions }
}

function rateOf(text: string): number | undefined {
  return /^(?:0|1|0?\.\d+|1\.0+)$/.test(text) ? Number(text) : undefined
}

function rangeOf(text: string): { min: number; max: number } | undefined {
  const [, from, to] = /^(\d{1,8})(?:\.\.(\d{1,8}))?$/.exec(text) ?? []
  if (from === undefined) return undefined
  const min = Number(from)
  const max = Number(to ?? from)
  return min <= max && max <= DAY_MS ? { min, max } : undefined
}

function failOperationsOf(text: string): FailOperations | undefined {
  const share = rateOf(text)
  if (share !== undefined) return { type: 'rate', rate: share }
  // A number out of range is a mistake, not a pattern.
  if (text === '' || !Number.isNaN(Number(text))) return undefined
  try {
    return { type: 'path', pattern: new RegExp(text) }
  } catch {
    return undefined
  }
}
