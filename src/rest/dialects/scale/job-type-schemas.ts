import { type Static, type TSchema, type TUnsafe, Type } from 'typebox'
import { manifestSchema } from './manifest.ts'

/** As OpenAPI 3.0 says it. */
export function nullable<S extends TSchema>(schema: S, description: string): TUnsafe<Static<S> | null> {
  return Type.Unsafe<Static<S> | null>({ ...schema, nullable: true, description })
}

const SECONDS_MAX = 86_400
export const PRIORITY_MAX = 10_000
export const MAX_TRIES_MAX = 100
const NAME_LENGTH_MAX = 256

const settings = {
  is_active: Type.Optional(Type.Boolean({ description: 'Jobs are taken only of one that is; left out, it is' })),
  is_paused: Type.Optional(Type.Boolean({ description: 'No job of it is begun meanwhile, and what runs goes on; left out, it is not' })),
  is_published: Type.Optional(Type.Boolean()),
  icon_code: Type.Optional(Type.String({ maxLength: NAME_LENGTH_MAX })),
  max_tries: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_TRIES_MAX, description: 'Executions until a job has FAILED, where trying again may help' }),
  ),
  priority: Type.Optional(Type.Integer({ minimum: 1, maximum: PRIORITY_MAX, description: 'Lower comes first' })),
  timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX, description: 'Seconds; left out, the manifest’s' })),
}

const configurationSchema = Type.Object({}, { additionalProperties: true, description: 'Kept and shown' })

export const jobTypeInputSchema = Type.Object(
  {
    name: Type.Optional(Type.String({ description: 'The manifest’s, where it is given' })),
    version: Type.Optional(Type.String({ description: 'The manifest’s, where it is given' })),
    manifest: manifestSchema,
    docker_image: Type.Optional(Type.String({ maxLength: NAME_LENGTH_MAX, description: 'Kept and shown: images are not run' })),
    configuration: Type.Optional(configurationSchema),
    ...settings,
  },
  { additionalProperties: false },
)
export type JobTypeInput = Static<typeof jobTypeInputSchema>

export const jobTypePatchSchema = Type.Object(settings, { additionalProperties: false, minProperties: 1 })
export type JobTypePatch = Static<typeof jobTypePatchSchema>

export const instant = Type.String({ format: 'date-time' })
const text = Type.String()
const flag = Type.Boolean()
export const id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

/** As it is within jobs. */
export const jobTypeBriefSchema = Type.Object({
  ...{ id, name: text, version: text, title: nullable(text, 'The manifest’s'), description: nullable(text, 'The manifest’s') },
  ...{ is_active: nullable(flag, 'Null where the job type is no longer there'), is_system: flag },
  ...{ is_paused: nullable(flag, 'As is_active'), is_published: nullable(flag, 'As is_active') },
  ...{ icon_code: nullable(text, 'Where it was given'), unmet_resources: nullable(text, 'Nothing is known of it') },
})
export type JobTypeBrief = Static<typeof jobTypeBriefSchema>

export const jobTypeSchema = Type.Object({
  ...jobTypeBriefSchema.properties,
  ...{ max_tries: Type.Integer(), priority: Type.Integer(), timeout: nullable(Type.Integer(), 'Seconds') },
  ...{ revision_num: Type.Integer(), docker_image: nullable(text, 'Where it was given'), created: instant, last_modified: instant },
  configuration: Type.Object({}, { additionalProperties: true }),
  manifest: Type.Object({}, { additionalProperties: true, description: 'As it was sent' }),
})
export type JobType = Static<typeof jobTypeSchema>

export const jobTypeParamsSchema = Type.Object({ name: Type.String(), version: Type.String() })
