/** What an algorithm is to us: a command for the exec producer, a process, or a managed object whose producer carries it out. */
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import type { DefinitionPage } from '../../../inventory/definition-index.ts'
import type { OfferedProcess } from '../../../inventory/process-index.ts'
import type { Definitions } from '../../definitions.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../../errors.ts'
import { TENANT } from './base.ts'
import { commandWords } from '../../processes/command-words.ts'
import type { Algorithm, AlgorithmInput } from './schemas.ts'
import { commandValue } from './step-values.ts'

/** Who does the work. */
export type Work =
  | { readonly type: 'command'; readonly command: readonly string[]; readonly service: string }
  | { readonly type: 'process'; readonly process: OfferedProcess; readonly service: string }
  /** The producer is found by the object's name, as for any other operation. */
  | { readonly type: 'object'; readonly alternateId: string; readonly service: null }

export const ALGORITHMS = 'algorithms'

const EXEC = 'exec:'

export interface AlgorithmsOptions {
  readonly deps: Pick<ServerDependencies, 'inventory' | 'processes' | 'handles' | 'limits' | 'execService' | 'checkUnit'>
  readonly definitions: Definitions
}

export class Algorithms {
  readonly #options: AlgorithmsOptions

  constructor(options: AlgorithmsOptions) {
    this.#options = options
  }

  /** Resolves once it is registered. Throws a 400 on one that nobody could carry out, a 503 when that can't be said now. */
  async register(id: string, sent: AlgorithmInput): Promise<Algorithm> {
    const work = await this.#workAt(sent.algorithm_uri)
    if (work === null) throw nobody('algorithm_uri', sent.algorithm_uri)
    if (work.type === 'command') await this.#requireRunnable(work)
    const { algorithm_name, algorithm_uri, algorithm_branch, algorithm_version } = sent
    const document = { algorithm_name, algorithm_uri, algorithm_branch, algorithm_version }
    return algorithmOf(await this.#options.definitions.register({ id, document, service: work.service }))
  }

  /** The newest first. */
  list(page: DefinitionPage): Algorithm[] {
    return this.#options.definitions.list(page).map(algorithmOf)
  }

  /** Throws a 404. */
  async require(id: string): Promise<Algorithm> {
    const found = await this.#options.definitions.find(id)
    if (found === undefined) throw new Refusal(404, `There is no algorithm "${clip(id)}"`)
    return algorithmOf(found)
  }

  /** Of an algorithm, or of what carries work out under that name. Throws a 400 where nobody does. */
  async workOf(id: string): Promise<Work> {
    const registered = await this.#options.definitions.find(id)
    const name = registered === undefined ? id : algorithmOf(registered).algorithm_uri
    const isName = registered === undefined && name.startsWith(EXEC)
    const work = isName ? null : await this.#workAt(name)
    if (work === null) throw nobody('algorithm_id', registered === undefined ? id : `${id} (${name})`)
    return work
  }

  async #workAt(uri: string): Promise<Work | null> {
    const { deps } = this.#options
    if (uri.startsWith(EXEC)) return { type: 'command', command: wordsOf(uri.slice(EXEC.length)), service: deps.execService }
    const known = this.#find(uri)
    if (known !== null) return known
    // It may just have been registered through another instance.
    await deps.handles.caughtUp(deps.limits.catchUpTimeoutMs)
    return this.#find(uri)
  }

  #find(name: string): Work | null {
    const { processes, inventory } = this.#options.deps
    const process = processes.find(TENANT, name)
    if (process !== undefined) return { type: 'process', process, service: process.service }
    const handle = inventory.handleAt(name) ?? inventory.handleOf(name)
    return handle === undefined ? null : { type: 'object', alternateId: handle.alternateId, service: null }
  }

  async #requireRunnable({ command, service: name }: Extract<Work, { readonly type: 'command' }>): Promise<void> {
    const { inventory, limits, checkUnit } = this.#options.deps
    const service = inventory.service(name)
    if (service === undefined) {
      throw new Refusal(400, `body algorithm_uri: the DMI service "${clip(name)}" that runs commands is not registered`)
    }
    const check = await checkUnit(service, commandValue(command, { index: 0, granule: null }), limits.unitCheckMs)
    if (check.type === 'refused') throw new Refusal(400, 'body algorithm_uri: the command can’t run', { details: check.reason })
    if (check.type === 'unknown') {
      const details = `The DMI service "${clip(name)}": ${check.reason}`
      throw unavailable('Whether the command can run is not known now', { retryAfterS: RETRY_AFTER_S, details })
    }
  }
}

function wordsOf(command: string): readonly string[] {
  const words = commandWords(command)
  if (words === null) throw new Refusal(400, 'body algorithm_uri: a quote is not closed, or a backslash is last')
  if (words.length === 0) throw new Refusal(400, 'body algorithm_uri: there is no command behind "exec:"')
  return words
}

function algorithmOf({ id, document }: DefinitionRegistered): Algorithm {
  return { algorithm_id: id, ...(JSON.parse(document) as AlgorithmInput) }
}

function nobody(field: string, name: string): Refusal {
  const details = 'It is no registered algorithm, no managed object, and no process.'
  return new Refusal(400, `body ${field}: nobody carries out "${clip(name)}"`, { details })
}
