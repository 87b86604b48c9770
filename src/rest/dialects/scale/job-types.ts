/** Job types: definitions of a command that the exec producer runs, each with its revisions (contract page "Scale v6 dialect"). */
import { PRIORITY_DEFAULT } from '../../../domain/share.ts'
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import type { DefinitionPage } from '../../../inventory/definition-index.ts'
import type { Definitions } from '../../definitions.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../../errors.ts'
import { formatInstant } from '../../instant.ts'
import { revisionKey } from './base.ts'
import { stableId } from './ids.ts'
import type { JobTypeBrief, JobType, JobTypeInput, JobTypePatch } from './job-type-schemas.ts'
import { commandValue, type Manifest, sampleInput } from './manifest.ts'

const MAX_TRIES_DEFAULT = 3

/** Of a job type, as it is kept; times are milliseconds since the epoch. */
export interface JobTypeDocument {
  readonly name: string
  readonly version: string
  readonly manifest: Manifest
  readonly revision: number
  readonly dockerImage: string | null
  readonly configuration: Readonly<Record<string, unknown>>
  readonly iconCode: string | null
  readonly isActive: boolean
  readonly isPaused: boolean
  readonly isPublished: boolean
  readonly maxTries: number
  readonly priority: number
  readonly timeout: number | null
  readonly createdAt: number
  readonly modifiedAt: number
}

/** What a job type was when jobs were created with it. */
export interface JobTypeRevision extends Pick<JobTypeDocument, 'name' | 'version' | 'manifest' | 'dockerImage' | 'revision'> {
  readonly createdAt: number
}

export interface JobTypesOptions {
  readonly deps: Pick<ServerDependencies, 'inventory' | 'limits' | 'execService' | 'checkUnit' | 'clock'>
  readonly types: Definitions
  readonly revisions: Definitions
}

export class JobTypes {
  readonly #options: JobTypesOptions

  constructor(options: JobTypesOptions) {
    this.#options = options
  }

  /** Creates one, or edits the one of that name and version. Throws a 400 on what nobody could run. */
  async register(sent: JobTypeInput): Promise<{ readonly type: JobTypeDocument; readonly isNew: boolean }> {
    const { job } = sent.manifest
    const { name, jobVersion: version } = job
    for (const [field, given, own] of [['name', sent.name, name], ['version', sent.version, version]] as const) {
      if (given !== undefined && given !== own) throw new Refusal(400, `${field}: "${clip(given)}" is not the manifest’s, "${clip(own)}"`)
    }
    const known = await this.find(stableId('job-type', name, version))
    if (known !== undefined && (known.name !== name || known.version !== version)) {
      const details = 'Choose another version.'
      throw new Refusal(409, `The id of "${clip(name)}" "${clip(version)}" is taken by another job type`, { details })
    }
    const now = this.#options.deps.clock.now()
    const isSame = known !== undefined && JSON.stringify(known.manifest) === JSON.stringify(sent.manifest)
    const type: JobTypeDocument = {
      ...{ name, version, manifest: sent.manifest, revision: (known?.revision ?? 0) + (isSame ? 0 : 1) },
      dockerImage: sent.docker_image ?? known?.dockerImage ?? null,
      configuration: { ...(sent.configuration ?? known?.configuration) },
      ...settingsOf(sent, known),
      timeout: sent.timeout ?? job.timeout ?? null,
      ...{ createdAt: known?.createdAt ?? now, modifiedAt: now },
    }
    await this.#requireRunnable(type)
    if (!isSame) await this.#registerRevision(type, now)
    await this.#register(type)
    return { type, isNew: known === undefined }
  }

  /** Throws a 404. */
  async edit(name: string, version: string, patch: JobTypePatch): Promise<JobTypeDocument> {
    const before = await this.require(name, version)
    const modifiedAt = this.#options.deps.clock.now()
    const after = { ...before, ...settingsOf(patch, before), timeout: patch.timeout ?? before.timeout, modifiedAt }
    await this.#requireRunnable(after)
    await this.#register(after)
    return after
  }

  /** One that is missing is waited for, as in Definitions.find. */
  async find(id: number): Promise<JobTypeDocument | undefined> {
    return documentOf(await this.#options.types.find(String(id)))
  }

  /** What is known of it already. */
  known(id: number): JobTypeDocument | undefined {
    return documentOf(this.#options.types.known(String(id)))
  }

  async revision(id: number, revision: number): Promise<JobTypeRevision | undefined> {
    const found = await this.#options.revisions.find(revisionKey(id, revision))
    return found === undefined ? undefined : (JSON.parse(found.document) as JobTypeRevision)
  }

  /** Throws a 404. */
  async require(name: string, version: string): Promise<JobTypeDocument> {
    const found = await this.find(stableId('job-type', name, version))
    if (found?.name === name && found.version === version) return found
    throw new Refusal(404, `There is no job type "${clip(name)}" "${clip(version)}"`)
  }

  /** The newest first. */
  list(page: DefinitionPage): readonly JobTypeDocument[] {
    return this.#options.types.list(page).map(({ document }) => JSON.parse(document) as JobTypeDocument)
  }

  async #register(type: JobTypeDocument): Promise<void> {
    const { types, deps } = this.#options
    await types.register({ id: String(idOf(type)), document: type, service: deps.execService, paused: type.isPaused })
  }

  async #registerRevision({ name, version, manifest, dockerImage, revision, ...type }: JobTypeDocument, createdAt: number): Promise<void> {
    const document: JobTypeRevision = { name, version, manifest, dockerImage, revision, createdAt }
    await this.#options.revisions.register({ id: revisionKey(idOf({ ...type, name, version }), revision), document, service: null })
  }

  async #requireRunnable(type: JobTypeDocument): Promise<void> {
    const { inventory, limits, checkUnit, execService: name } = this.#options.deps
    const value = commandValue(type.manifest, sampleInput(type.manifest), type)
    const service = inventory.service(name)
    if (service === undefined) {
      throw new Refusal(400, `manifest: the DMI service "${clip(name)}" that runs commands is not registered`)
    }
    const check = await checkUnit(service, value, limits.unitCheckMs)
    if (check.type === 'refused') throw new Refusal(400, 'manifest: the command can’t run', { details: check.reason })
    if (check.type === 'unknown') {
      const details = `The DMI service "${clip(name)}": ${check.reason}`
      throw unavailable('Whether the command can run is not known now', { retryAfterS: RETRY_AFTER_S, details })
    }
  }
}

function documentOf(found: Pick<DefinitionRegistered, 'document'> | undefined): JobTypeDocument | undefined {
  return found === undefined ? undefined : (JSON.parse(found.document) as JobTypeDocument)
}

export function idOf({ name, version }: Pick<JobTypeDocument, 'name' | 'version'>): number {
  return stableId('job-type', name, version)
}

type Settings = Pick<JobTypeDocument, 'iconCode' | 'isActive' | 'isPaused' | 'isPublished' | 'maxTries' | 'priority'>

function settingsOf(sent: JobTypePatch, known: JobTypeDocument | undefined): Settings {
  return {
    ...{ iconCode: sent.icon_code ?? known?.iconCode ?? null, isActive: sent.is_active ?? known?.isActive ?? true },
    ...{ isPaused: sent.is_paused ?? known?.isPaused ?? false, isPublished: sent.is_published ?? known?.isPublished ?? false },
    ...{ maxTries: sent.max_tries ?? known?.maxTries ?? MAX_TRIES_DEFAULT, priority: sent.priority ?? known?.priority ?? PRIORITY_DEFAULT },
  }
}

/** As it is shown within jobs; `type` is undefined for one that is no longer there. */
export function briefOf(named: { readonly name: string; readonly version: string }, type: JobTypeDocument | undefined): JobTypeBrief {
  const { title = null, description = null } = type?.manifest.job ?? {}
  return {
    ...{ id: idOf(named), name: named.name, version: named.version, title, description },
    ...{ is_active: type?.isActive ?? null, is_system: false },
    ...{ is_paused: type?.isPaused ?? null, is_published: type?.isPublished ?? null, icon_code: type?.iconCode ?? null },
    unmet_resources: null,
  }
}

export function jobTypeOf(type: JobTypeDocument): JobType {
  const { maxTries, priority, timeout, revision, dockerImage, createdAt, modifiedAt, configuration, manifest } = type
  return {
    ...briefOf(type, type),
    ...{ max_tries: maxTries, priority, timeout, revision_num: revision, docker_image: dockerImage, configuration, manifest },
    ...{ created: formatInstant(createdAt), last_modified: formatInstant(modifiedAt) },
  }
}
