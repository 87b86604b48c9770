/** Seed manifests (seed 1.0.0): what of them is used here. The rest is kept and shown as it is. */
import { type Static, Type } from 'typebox'
import { clip, Refusal } from '../../errors.ts'
import { commandWords } from '../../processes/command-words.ts'

const NAME_LENGTH_MAX = 256
const TEXT_LENGTH_MAX = 8_192
const LIST_MAX = 200
const SECONDS_MAX = 86_400

const name = Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX })
const text = Type.String({ maxLength: TEXT_LENGTH_MAX })

const errorSchema = Type.Object({
  code: Type.Integer({ description: 'The exit code that it is' }),
  name,
  title: Type.Optional(text),
  description: Type.Optional(text),
  category: Type.Optional(Type.Enum(['data', 'job'], { description: 'Whose fault it is; left out, the job’s' })),
})
export type ManifestError = Static<typeof errorSchema>

const required = Type.Optional(Type.Boolean({ description: 'Left out, it is' }))

const fileSchema = Type.Object({ name, required, multiple: Type.Optional(Type.Boolean()) })
const scalarSchema = Type.Object({ name, value: Type.Number({ minimum: 0 }) })

export const manifestSchema = Type.Object(
  {
    seedVersion: Type.String({ description: 'As the manifest says' }),
    job: Type.Object({
      name,
      jobVersion: name,
      packageVersion: Type.Optional(text),
      title: Type.Optional(text),
      description: Type.Optional(text),
      timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX, description: 'Seconds' })),
      interface: Type.Object({
        command: Type.String({
          minLength: 1,
          maxLength: TEXT_LENGTH_MAX,
          description: 'Cut into words as a shell does it. A word that is ${NAME} is that input; all inputs are in the environment',
        }),
        inputs: Type.Optional(
          Type.Object({
            files: Type.Optional(Type.Array(fileSchema, { maxItems: LIST_MAX })),
            json: Type.Optional(
              Type.Array(
                Type.Object({ name, type: Type.Enum(['array', 'boolean', 'integer', 'number', 'object', 'string']), required }),
                { maxItems: LIST_MAX },
              ),
            ),
          }),
        ),
        outputs: Type.Optional(
          Type.Object({
            files: Type.Optional(Type.Array(Type.Object({ name, pattern: name, required }), { maxItems: LIST_MAX })),
            json: Type.Optional(Type.Array(Type.Object({ name, required }), { maxItems: LIST_MAX })),
          }),
        ),
      }),
      resources: Type.Optional(
        Type.Object({ scalar: Type.Optional(Type.Array(scalarSchema, { maxItems: LIST_MAX })) }),
      ),
      errors: Type.Optional(Type.Array(errorSchema, { maxItems: LIST_MAX })),
    }),
  },
  { description: 'A Seed manifest' },
)
export type Manifest = Static<typeof manifestSchema>

/** What a job is given. */
export interface JobInput {
  /** Ids of files by the names of inputs. */
  readonly files: Readonly<Record<string, readonly number[]>>
  readonly json: Readonly<Record<string, unknown>>
}

/** What there is beside the manifest. */
export interface RunTerms {
  /** Seconds; null leaves it to the producer. */
  readonly timeout: number | null
}

const OUTPUTS_FILE = 'seed.outputs.json'
const PLACEHOLDER = /^\$\{(\w+)\}$/

/** What the exec producer is given (docs/exec-producer.md), as an operation's value. Throws a 400 on a command that is none. */
export function commandValue({ job }: Manifest, input: JobInput, { timeout }: RunTerms): string {
  const words = commandWords(job.interface.command)
  if (words === null) throw new Refusal(400, 'manifest.job.interface.command: a quote is not closed, or a backslash is last')
  const environment = { ...environmentOf(input), OUTPUT_DIR: '.' }
  const command = words.map((word) => {
    const variable = PLACEHOLDER.exec(word)?.[1]
    return variable === undefined ? word : (new Map(Object.entries(environment)).get(variable) ?? word)
  })
  const { files = [], json = [] } = job.interface.outputs ?? {}
  const published = files.length === 0 ? {} : { outputs: files.map(({ pattern }) => pattern), optionalOutputs: files.every(isOptional) }
  const written = json.some((each) => !isOptional(each)) ? { resultFile: OUTPUTS_FILE } : {}
  const timed = timeout === null ? {} : { timeoutSeconds: timeout }
  return JSON.stringify({ input: { command, environment, ...published, ...written, ...timed, ...demandOf({ job }) } })
}

/** By the names that Seed gives to variables: in capitals, with underscores. */
function environmentOf({ files, json }: JobInput): Readonly<Record<string, string>> {
  const ids = Object.entries(files).map(([key, list]) => [variableOf(key), list.join(' ')] as const)
  const values = Object.entries(json).map(([key, value]) => {
    return [variableOf(key), typeof value === 'string' ? value : JSON.stringify(value)] as const
  })
  return Object.fromEntries([...ids, ...values])
}

function variableOf(inputName: string): string {
  return inputName.toUpperCase().replaceAll(/\W/g, '_')
}

/** Cores and MiB, as far as the manifest says. */
export function resourcesOf({ job }: Pick<Manifest, 'job'>): Readonly<Record<string, number>> {
  return Object.fromEntries((job.resources?.scalar ?? []).map((each) => [each.name, each.value]))
}

// A producer counts cores by ones.
function demandOf(manifest: Pick<Manifest, 'job'>): object {
  const { cpus, mem } = resourcesOf(manifest)
  return {
    ...(cpus === undefined ? {} : { cores: Math.max(1, Math.ceil(cpus)) }),
    ...(mem === undefined ? {} : { memoryMB: Math.max(1, Math.ceil(mem)) }),
  }
}

function isOptional({ required = true }: { readonly required?: boolean }): boolean {
  return !required
}

/** Something to look at what a job would be with: each input has a value. */
export function sampleInput({ job }: Manifest): JobInput {
  const { files = [], json = [] } = job.interface.inputs ?? {}
  const samples = { array: [], boolean: true, integer: 1, number: 1, object: {}, string: 'x' } as const
  return {
    files: Object.fromEntries(files.map((each) => [each.name, [1]])),
    json: Object.fromEntries(json.map((each) => [each.name, samples[each.type]])),
  }
}

const IS: Readonly<Record<string, (value: unknown) => boolean>> = {
  array: Array.isArray,
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === 'number',
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  string: (value) => typeof value === 'string',
}

/** Throws a 400 that names the input which the manifest does not have, or has otherwise. */
export function requireInput({ job }: Manifest, { files: givenFiles, json: givenJson }: JobInput): void {
  const { files = [], json = [] } = job.interface.inputs ?? {}
  requireKnown('files', Object.keys(givenFiles), files.map((each) => each.name))
  requireKnown('json', Object.keys(givenJson), json.map((each) => each.name))
  for (const each of files) {
    const ids = Object.hasOwn(givenFiles, each.name) ? (givenFiles[each.name] ?? []) : []
    if (ids.length === 0 && !isOptional(each)) throw new Refusal(400, `Missing required input: "files.${clip(each.name)}"`)
    if (ids.length > 1 && each.multiple !== true) {
      throw new Refusal(400, `Invalid input: "files.${clip(each.name)}" takes one file, not ${ids.length}`)
    }
  }
  for (const each of json) {
    const value = Object.hasOwn(givenJson, each.name) ? givenJson[each.name] : undefined
    if (value === undefined && !isOptional(each)) throw new Refusal(400, `Missing required input: "json.${clip(each.name)}"`)
    if (value !== undefined && IS[each.type]?.(value) === false) {
      throw new Refusal(400, `Invalid input: "json.${clip(each.name)}" is no ${each.type}`)
    }
  }
}

function requireKnown(kind: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((each) => !known.includes(each))
  if (unknown === undefined) return
  const details = known.length === 0 ? 'There are none.' : `There are: ${known.map(clip).join(', ')}.`
  throw new Refusal(400, `Invalid input: the job type has no "${kind}.${clip(unknown)}"`, { details })
}
