/** The inventory's bodies (contract page, "Inventory"): registrations as CPS spells them, and DMI services. */
import { type Static, type TOptional, type TString, Type } from 'typebox'
import { named, nullable, refTo } from '../../schemas.ts'

/** Longer names are refused: names become keys of records and parts of paths. */
const NAME_LENGTH_MAX = 256
const FDN_LENGTH_MAX = 2048

// Control characters break logs and headers.
const NO_CONTROLS = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$'
// A "#" ends the service's name in a producer's key.
const SERVICE_NAME = '^[^\\u0000-\\u001f\\u007f-\\u009f#]*$'

const cmHandle = Type.String({
  ...{ minLength: 1, maxLength: NAME_LENGTH_MAX, pattern: NO_CONTROLS },
  description: 'The handle’s own id',
})
const serviceName = { maxLength: NAME_LENGTH_MAX, pattern: SERVICE_NAME }

const handleMembers = {
  alternateId: Type.Optional(
    Type.String({
      maxLength: FDN_LENGTH_MAX,
      description:
        'The managed object’s fully distinguished name, which jobs’ paths begin with. Left out or empty: the handle’s own id.',
      examples: ['/ManagedElement=RAN001'],
    }),
  ),
  moduleSetTag: Type.Optional(
    Type.String({ maxLength: NAME_LENGTH_MAX, description: 'Handed on to the plugin with every operation' }),
  ),
  dataProducerIdentifier: Type.Optional(
    Type.String({ maxLength: NAME_LENGTH_MAX, description: 'The data producer behind the service; may be empty' }),
  ),
  cmHandleState: Type.Optional(
    Type.Enum(['READY', 'ADVISED', 'LOCKED', 'DELETING', 'DELETED'], {
      description: 'Operations are sent only to a handle that is READY',
    }),
  ),
}

export const createdHandleSchema = Type.Object(
  { cmHandle, ...handleMembers, cmHandleProperties: Type.Optional(Type.Record(Type.String(), Type.String())) },
  { additionalProperties: false },
)
export type CreatedHandle = Static<typeof createdHandleSchema>

export const updatedHandleSchema = Type.Object(
  {
    cmHandle,
    ...handleMembers,
    cmHandleProperties: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]), {
        description: 'Added to those there are; null removes one',
      }),
    ),
  },
  { additionalProperties: false },
)
export type UpdatedHandle = Static<typeof updatedHandleSchema>

const plugin = (description: string): TOptional<TString> => Type.Optional(Type.String({ ...serviceName, description }))

export const registrationSchema = Type.Object(
  {
    dmiPlugin: plugin('The service that the handles belong to'),
    dmiDatajobsReadPlugin: plugin('The service that their reads go to instead'),
    dmiDatajobsWritePlugin: plugin('The service that their writes go to instead'),
    createdCmHandles: Type.Optional(Type.Array(createdHandleSchema)),
    updatedCmHandles: Type.Optional(Type.Array(updatedHandleSchema)),
    removedCmHandles: Type.Optional(Type.Array(cmHandle)),
  },
  {
    additionalProperties: false,
    examples: [
      {
        dmiPlugin: 'dmi-one',
        createdCmHandles: [
          { cmHandle: 'ran-001', alternateId: '/ManagedElement=RAN001', dataProducerIdentifier: 'producer-1' },
          { cmHandle: 'ran-002', alternateId: '/ManagedElement=RAN002', dataProducerIdentifier: 'producer-2' },
        ],
      },
    ],
  },
)
export type Registration = Static<typeof registrationSchema>

const count = Type.Integer({ minimum: 0 })
export const registeredSchema = Type.Object(
  { created: count, updated: count, removed: count },
  { examples: [{ created: 2, updated: 0, removed: 0 }] },
)

const failures = Type.Array(Type.Object({ cmHandle: Type.String(), errorCode: Type.String(), errorText: Type.String() }))

/** Beside what every error says, each handle that was left out and why; all others were registered. */
export const registrationFailedSchema = named('RegistrationFailed', Type.Object({
  status: Type.String(),
  message: Type.String(),
  details: Type.String(),
  failedCreatedCmHandles: failures,
  failedUpdatedCmHandles: failures,
  failedRemovedCmHandles: failures,
}, {
  examples: [
    {
      status: '409 CONFLICT',
      message: '1 handle could not be registered',
      details: '1 were created, 0 updated, 0 removed.',
      failedCreatedCmHandles: [
        { cmHandle: 'ran-002', errorCode: '111', errorText: 'alternate id already associated with another cm handle' },
      ],
      failedUpdatedCmHandles: [],
      failedRemovedCmHandles: [],
    },
  ],
}))

export const serviceParamsSchema = Type.Object({
  name: Type.String({ minLength: 1, ...serviceName, description: 'As handles name it; without "#"' }),
})

const subjobTimeoutMs = Type.Integer({
  minimum: 1,
  maximum: 366 * 24 * 3_600_000,
  description: 'How long a subjob may take from its first submission on, in milliseconds; then it is cancelled and has failed',
})
const subjobsInFlightMax = Type.Integer({
  ...{ minimum: 1, maximum: 1_000_000 },
  description: 'Subjobs that one producer works on at a time',
})
const contract = Type.Enum(['dataJob', 'cmJob'], {
  default: 'dataJob',
  description: 'The version of the DMI contract that it speaks',
})

export const serviceBodySchema = Type.Object(
  {
    baseUrl: Type.String({
      maxLength: 2048,
      description: 'Where the plugin is: http or https, host, port, and a path where it has one',
    }),
    contract: Type.Optional(contract),
    auth: Type.Optional(
      Type.Object(
        { type: Type.Literal('basic'), username: Type.String({ minLength: 1 }), password: Type.String() },
        { additionalProperties: false, description: 'The password is never shown again.' },
      ),
    ),
    limits: Type.Optional(
      Type.Object(
        { subjobsInFlightMax: Type.Optional(subjobsInFlightMax), subjobTimeoutMs: Type.Optional(subjobTimeoutMs) },
        { additionalProperties: false },
      ),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ baseUrl: 'http://127.0.0.1:8090', contract: 'dataJob', limits: { subjobsInFlightMax: 4 } }],
  },
)
export type ServiceBody = Static<typeof serviceBodySchema>

export const serviceSchema = named('DmiService', Type.Object({
  name: Type.String(),
  baseUrl: Type.String(),
  contract,
  auth: nullable(
    Type.Object({ type: Type.Literal('basic'), username: Type.String() }),
    'Null where the plugin asks for none',
  ),
  limits: Type.Object({
    subjobsInFlightMax: nullable(subjobsInFlightMax, 'Null: the configured default'),
    subjobTimeoutMs: nullable(subjobTimeoutMs, 'Null: the configured default'),
  }),
}, {
  examples: [
    {
      ...{ name: 'dmi-one', baseUrl: 'http://127.0.0.1:8090', contract: 'dataJob' },
      ...{ auth: { type: 'basic', username: 'datajob' }, limits: { subjobsInFlightMax: 4, subjobTimeoutMs: null } },
    },
  ],
}))
export type ServiceAnswer = Static<typeof serviceSchema>

export const serviceListSchema = Type.Object({ items: Type.Array(refTo(serviceSchema)) })

/** What errors look like, one of each kind. */
export const errorExamples = {
  badRegistration: {
    status: '400 BAD_REQUEST',
    message: 'A registration names dmiPlugin, or dmiDatajobsReadPlugin and dmiDatajobsWritePlugin',
    details: 'Without a service nobody can be asked for what the handles hold.',
  },
  badService: {
    status: '400 BAD_REQUEST',
    message: 'body baseUrl holds credentials; they belong in auth',
    details: 'It is such as https://plugin.example.org:8443/dmi.',
  },
  noService: { status: '404 NOT_FOUND', message: 'There is no DMI service "dmi-two"', details: '' },
}
