/** What asks for an execution (OGC 18-062r2, execute.yaml). */
import { type Static, Type } from 'typebox'

const URI_LENGTH_MAX = 2_048
const INPUTS_MAX = 1_000

const callbackUri = (when: string) => Type.Optional(Type.String({ maxLength: URI_LENGTH_MAX, description: `Called ${when}` }))

export const executeSchema = Type.Object(
  {
    inputs: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        maxProperties: INPUTS_MAX,
        description: 'By name: a value, or {"value": …}, or {"href": …, "type": …}; a list of them where the input takes several',
      }),
    ),
    outputs: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            transmissionMode: Type.Optional(Type.Enum(['value', 'reference'])),
            format: Type.Optional(Type.Object({ mediaType: Type.Optional(Type.String()) }, { additionalProperties: true })),
          },
          { additionalProperties: true },
        ),
        { maxProperties: INPUTS_MAX, description: 'Those that are wanted, by name; left out, all are' },
      ),
    ),
    response: Type.Optional(Type.Enum(['raw', 'document'], { description: 'How the outputs are shown' })),
    subscriber: Type.Optional(
      Type.Object(
        {
          successUri: callbackUri('with the results'),
          inProgressUri: callbackUri('with the status while it runs'),
          failedUri: callbackUri('with the exception'),
        },
        { additionalProperties: true },
      ),
    ),
  },
  {
    additionalProperties: true,
    examples: [{ inputs: { string: 'hello', number: 3.5 }, response: 'document' }],
  },
)
export type ExecuteBody = Static<typeof executeSchema>
export type ResponseForm = NonNullable<ExecuteBody['response']>
export type WantedOutputs = NonNullable<ExecuteBody['outputs']>

/** What a subscriber may name, and what callbacks are called. */
export const SUBSCRIBER_URIS = ['successUri', 'inProgressUri', 'failedUri'] as const
export type SubscriberUri = (typeof SUBSCRIBER_URIS)[number]
