import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { amendKafkajs } from './amendments.ts'
import { type CreateRequest, inWholeBatches, type ProduceRequest } from './produce-amendment.ts'

const require = createRequire(import.meta.url)
const NOW = 1_790_000_000_123

interface Requested {
  readonly apiVersion: number
  readonly apiName: string
  readonly encode: () => Promise<{ readonly buffer: Buffer }>
}
type Create = (request: ProduceRequest) => Requested

const original = require('kafkajs/src/protocol/requests/produce/v3/request') as Create

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('é'.repeat(70)))
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each))
const message = fc.record(
  {
    key: fc.option(text),
    value: fc.oneof(fc.constant(null), bytes, fc.constant(Buffer.alloc(600, 'x'))),
    headers: fc.dictionary(fc.string({ minLength: 1 }), fc.oneof(text, bytes, fc.array(text, { maxLength: 2 })), { maxKeys: 4 }),
  },
  { requiredKeys: ['key', 'value'] },
)
const request = fc.record({
  acks: fc.constant(-1),
  timeout: fc.nat(),
  transactionalId: fc.option(fc.constant('app.coordinator.0'), { nil: undefined }),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 60n }).map(String),
  producerEpoch: fc.nat({ max: 30_000 }),
  topicData: fc.array(
    fc.record({
      topic: fc.constantFrom('a', 'datajob.jobs'),
      partitions: fc.array(
        fc.record({ partition: fc.nat(), firstSequence: fc.nat(), messages: fc.array(message, { minLength: 1, maxLength: 140 }) }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { maxLength: 3 },
  ),
})

it('a request to produce has the bytes that kafkajs gives it', async () => {
  vi.spyOn(Date, 'now').mockReturnValue(NOW)
  const amended = inWholeBatches(original as unknown as CreateRequest, { now: () => NOW }) as unknown as Create
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const bytes = await Promise.all([original, amended].map(async (create) => (await create(asked).encode()).buffer))
      expect(bytes[1]?.equals(bytes[0] as Buffer)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

it('kafkajs asks for the request that is amended', () => {
  amendKafkajs()
  const { versions, protocol } = require('kafkajs/src/protocol/requests/produce') as {
    readonly versions: readonly string[]
    readonly protocol: (version: object) => (request: ProduceRequest) => { readonly request: Requested }
  }
  const empty = { acks: -1, timeout: 1, topicData: [] }
  const { request: asked } = protocol({ version: versions.at(-1) })(empty)
  expect(asked).toMatchObject({ apiVersion: 7, apiName: 'Produce' })
  expect(asked.encode.toString()).not.toBe(original(empty).encode.toString())
})
