/** What every sink promises; run against each of them by sinks.test.ts. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { jobId } from '../../src/domain/ids.ts'
import type { RoutedOperation } from '../../src/domain/operation.ts'
import { ResponseCode } from '../../src/domain/response-code.ts'
import { readSubjobResult } from '../../src/dmi/responses.ts'
import { KeptBody } from '../../src/sinks/kept-body.ts'
import {
  type JobConclusion, type PublishedResults, type ResultSource, type Sink, SinkFailure, type SubjobToPublish,
} from '../../src/sinks/sink.ts'

export interface SinkUnderTest {
  readonly sink: Sink
  /** A topic or bucket that is there, and one that is not. */
  readonly destination: string
  readonly missing: string
  /** The events' values, as whoever reads the destination gets them; nothing where nothing was published. */
  readValues(subjob: SubjobToPublish, published: PublishedResults | null): Promise<readonly Buffer[]>
}

interface Response {
  readonly operationId: string | number
  readonly statusCode: number
  readonly statusMessage?: string
  readonly request?: { readonly op: string; readonly path: string }
  readonly result?: unknown
}

interface Value {
  readonly data: { readonly responses: readonly Response[]; readonly result?: unknown }
}

export function operations(count: number): readonly RoutedOperation[] {
  return Array.from({ length: count }, (_, index) => ({
    operationId: index % 2 === 0 ? index : `op-${index}`,
    op: 'merge',
    path: `/ManagedElement=${index}`,
    value: null,
    options: null,
    moduleSetTag: '',
  }))
}

let jobs = 0

export function subjobFor(destination: string, count: number): SubjobToPublish {
  jobs += 1
  const jobId = `job ${jobs}/ä`
  return { jobId, index: 3, run: 1, service: 'dmi-1', destination, traceparent: null, operations: operations(count), unmentioned: null }
}

export function responseTo({ operationId }: RoutedOperation, more: object = {}): Response {
  return { operationId, statusCode: ResponseCode.Success, statusMessage: 'Successfully applied changes', ...more }
}

/** A producer's body as it comes from the network, in chunks that end anywhere. */
export async function sourceOf(sink: Sink, body: Buffer | string, chunkBytes = 1000): Promise<ResultSource> {
  return readSource(sink, chunksOf(Buffer.from(body), chunkBytes), 'application/json')
}

/** The same of a body that need not be JSON; one of more than `valueBytesMax` is not looked at as a whole before it is published. */
export async function readSource(
  sink: Sink,
  body: AsyncIterable<Uint8Array>,
  contentType: string,
  valueBytesMax = 64 * 1024 * 1024,
): Promise<ResultSource> {
  const kept = new KeptBody(body, sink.bodyBytesMax)
  const result = await readSubjobResult(kept, contentType, { valueBytesMax, depthMax: 64 })
  if (result.type === 'resulturi') throw new Error('the example is a reference, not a result')
  return result.type === 'opaque' ? result : { ...result, body: kept }
}

export async function* chunksOf(body: Buffer, chunkBytes: number): AsyncGenerator<Buffer, void, undefined> {
  for (let from = 0; from < body.length; from += chunkBytes) {
    yield Buffer.from(body.subarray(from, from + chunkBytes))
    await Promise.resolve()
  }
}

export function bodyOf(responses: readonly object[]): string {
  return JSON.stringify({ data: { responses } })
}

function responsesIn(values: readonly Buffer[]): readonly Response[] {
  return values.flatMap((value) => (JSON.parse(value.toString()) as Value).data.responses)
}

export function exerciseSink(name: string, start: () => Promise<SinkUnderTest>): void {
  describe(name, () => {
    let tested: SinkUnderTest

    beforeAll(async () => {
      tested = await start()
    })

    async function publish(subjob: SubjobToPublish, source: ResultSource): Promise<[PublishedResults, readonly Buffer[]]> {
      const published = await tested.sink.publish(subjob, source)
      return [published, await tested.readValues(subjob, published)]
    }

    test('a complete body goes through byte for byte, whatever else is in it', async () => {
      const subjob = subjobFor(tested.destination, 3)
      const responses = subjob.operations.map((operation) => JSON.stringify(responseTo(operation))).join(' ,\n ')
      const body = ` {"meta":{"n":1.50},\n"data" : {"responses": [ ${responses} ], "more":12345678901234567890} }\n`
      const [published, values] = await publish(subjob, await sourceOf(tested.sink, body))
      expect(values.map(String)).toEqual([body])
      expect(published).toMatchObject({ succeeded: 3, failed: 0, foreign: 0, message: null })
    })

    test("a producer's codes are counted: 0 and 1 were done, others not, and none neither", async () => {
      const subjob = subjobFor(tested.destination, 4)
      const codes = [0, 1, 103, undefined]
      const body = bodyOf(subjob.operations.map((operation, index) => responseTo(operation, { statusCode: codes[index] })))
      const [published, values] = await publish(subjob, await sourceOf(tested.sink, body))
      expect(published).toMatchObject({ succeeded: 2, failed: 2, message: null })
      expect(values.map(String)).toEqual([body])
    })

    test('operations that the producer did not mention are reported, with a code and a message that say so', async () => {
      const subjob = subjobFor(tested.destination, 4)
      const [first, , third] = subjob.operations
      const source = await sourceOf(tested.sink, bodyOf([responseTo(third!, { result: { a: 1 } }), responseTo(first!)]))
      const [published, values] = await publish(subjob, source)
      const statusMessage = "Unknown error: the producer's result does not mention this operation"
      expect(responsesIn(values)).toEqual([
        responseTo(third!, { result: { a: 1 } }),
        responseTo(first!),
        { operationId: 'op-1', statusCode: 108, statusMessage, request: { op: 'merge', path: '/ManagedElement=1' } },
        { operationId: 'op-3', statusCode: 108, statusMessage, request: { op: 'merge', path: '/ManagedElement=3' } },
      ])
      expect(published).toMatchObject({ succeeded: 2, failed: 2, foreign: 0 })
      expect(published.message).toBe("2 of 4 operations are not in the producer's result")
    })

    test('responses that belong elsewhere, or come again, are left out and counted', async () => {
      const subjob = subjobFor(tested.destination, 2)
      const [first, second] = subjob.operations
      const again = { ...responseTo(first!), statusCode: 103 }
      const foreign = { operationId: 'another', statusCode: 0 }
      const body = bodyOf([responseTo(first!), again, foreign, responseTo(second!)])
      const [published, values] = await publish(subjob, await sourceOf(tested.sink, body))
      expect(responsesIn(values)).toEqual([responseTo(first!), responseTo(second!)])
      expect(published).toMatchObject({ succeeded: 2, failed: 0, foreign: 2 })
    })

    test('an id that the producer writes as a text is the same id', async () => {
      const subjob = subjobFor(tested.destination, 1)
      const body = bodyOf([{ operationId: '0', statusCode: 0 }])
      const [published, values] = await publish(subjob, await sourceOf(tested.sink, body))
      expect(published).toMatchObject({ succeeded: 1, foreign: 0 })
      expect(values.map(String)).toEqual([body])
    })

    test('bodies of other shapes become events as well, each response as it came', async () => {
      for (const shape of [(list: string) => `{"responses":${list}}`, (list: string) => list]) {
        const subjob = subjobFor(tested.destination, 2)
        const raw = subjob.operations.map((operation) => JSON.stringify(responseTo(operation, { result: 1.5 })).replace('1.5', '1.50'))
        const [, values] = await publish(subjob, await sourceOf(tested.sink, shape(`[${raw.join(', ')}]`)))
        expect(values.map(String)).toEqual([`{"data":{"responses":[${raw.join(',')}]}}`])
      }
    })

    test('a failure is reported for every operation', async () => {
      const subjob = subjobFor(tested.destination, 2)
      const failure = { type: 'failure', code: ResponseCode.ServiceNotResponding, message: 'answered 503' } as const
      const [published, values] = await publish(subjob, failure)
      const statusMessage = 'dmi plugin service is not responding: answered 503'
      expect(responsesIn(values)).toEqual([
        { operationId: 0, statusCode: 102, statusMessage, request: { op: 'merge', path: '/ManagedElement=0' } },
        { operationId: 'op-1', statusCode: 102, statusMessage, request: { op: 'merge', path: '/ManagedElement=1' } },
      ])
      expect(published).toMatchObject({ succeeded: 0, failed: 2, message: 'answered 503' })
    })

    test.each([
      ['JSON, as it came', 'application/json', Buffer.from(' {"a": 12345678901234567890}\n'), '"result": {"a": 12345678901234567890}\n}}'],
      ['a text', 'text/csv', Buffer.from('1;"ä"'), '"resultFormat":"text","resultContentType":"text/csv","result":"1;\\"ä\\""}}'],
      ['bytes, in base64', 'x/y', Buffer.from([0xff, 0xfe]), '"resultFormat":"binary","resultContentType":"x/y","result":"//4="}}'],
      ['bytes of no usable type', `x/${'y'.repeat(300)}`, Buffer.from([0xff, 0xfe, 0xfd]), '],"resultFormat":"binary","result":"//79"}}'],
    ])('a result without responses is beside those of the operations, all done: %s', async (_, contentType, bytes, expected) => {
      const subjob = subjobFor(tested.destination, 2)
      const source = await readSource(tested.sink, chunksOf(bytes, 4), contentType)
      const [published, values] = await publish(subjob, source)
      expect(responsesIn(values).map(({ operationId, statusCode }) => [operationId, statusCode])).toEqual([[0, 0], ['op-1', 0]])
      expect(String(values[0]).slice(-expected.length)).toBe(expected)
      expect(published).toMatchObject({ succeeded: 2, failed: 0, message: null })
    })

    test('so is one that is larger than what is looked at beforehand: JSON as it came, anything else in base64', async () => {
      const valuesOf = async (body: string, contentType: string): Promise<Value['data']> => {
        const subjob = subjobFor(tested.destination, 1)
        const source = await readSource(tested.sink, chunksOf(Buffer.from(body), 7), contentType, 20)
        const [, values] = await publish(subjob, source)
        return (JSON.parse(String(values[0])) as Value).data
      }
      const tree = { tree: ['x'.repeat(1_000), 'ä'] }
      expect(await valuesOf(JSON.stringify(tree), 'application/json')).toMatchObject({ result: tree })
      const csv = 'a;ä\n'.repeat(200)
      const facts = { resultFormat: 'binary', resultContentType: 'text/csv' }
      expect(await valuesOf(csv, 'text/csv')).toMatchObject({ ...facts, result: Buffer.from(csv).toString('base64') })
    })

    test('one that turns out broken at its end fails with what is wrong, and nothing of it can be seen', async () => {
      const subjob = subjobFor(tested.destination, 1)
      const body = `{"tree":"${'x'.repeat(1_000)}","more":tru}`
      const source = await readSource(tested.sink, chunksOf(Buffer.from(body), 100), 'application/json', 20)
      await expect(tested.sink.publish(subjob, source)).rejects.toMatchObject({ name: 'JsonScanError', code: 'malformed' })
      expect(await tested.readValues(subjob, null)).toEqual([])
    })

    test('an empty result is none', async () => {
      const source = await readSource(tested.sink, chunksOf(Buffer.alloc(0), 1), 'text/plain')
      const [published, values] = await publish(subjobFor(tested.destination, 1), source)
      expect(Object.keys((JSON.parse(String(values[0])) as Value).data)).toEqual(['responses'])
      expect(published).toMatchObject({ succeeded: 1, failed: 0 })
    })

    test('whatever the producer answers, each operation is reported exactly once, and the counts agree', async () => {
      const answer = fc.record({ operation: fc.nat(11), statusCode: fc.constantFrom(0, 1, 104), size: fc.nat(3000) })
      await fc.assert(
        fc.asyncProperty(fc.array(answer, { maxLength: 30 }), fc.integer({ min: 1, max: 5000 }), async (answers, chunkBytes) => {
          const subjob = subjobFor(tested.destination, 10)
          const all = operations(12)
          const body = bodyOf(
            answers.map(({ operation, statusCode, size }) => responseTo(all[operation]!, { statusCode, result: 'x'.repeat(size) })),
          )
          const [published, values] = await publish(subjob, await sourceOf(tested.sink, body, chunkBytes))
          const reported = responsesIn(values)
          const ids = reported.map(({ operationId }) => operationId)
          expect([...ids].sort()).toEqual(subjob.operations.map(({ operationId }) => operationId).sort())
          const succeeded = reported.filter(({ statusCode }) => statusCode <= 1).length
          const known = new Set(answers.filter(({ operation }) => operation < 10).map(({ operation }) => operation)).size
          expect(published).toMatchObject({ succeeded, failed: 10 - succeeded, foreign: answers.length - known })
        }),
        { numRuns: 25 },
      )
    })

    test('publishing the same again comes to the same', async () => {
      const subjob = subjobFor(tested.destination, 3)
      const body = bodyOf([responseTo(subjob.operations[0]!)])
      const [first, values] = await publish(subjob, await sourceOf(tested.sink, body))
      const [second, again] = await publish(subjob, await sourceOf(tested.sink, body))
      expect(again).toEqual(values)
      expect(second.object).toEqual(first.object)
    })

    test('a body that breaks off fails with what it broke off with, and nothing of it can be seen', async () => {
      const subjob = subjobFor(tested.destination, 3)
      const broken = async function* (): AsyncGenerator<Buffer, void, undefined> {
        await Promise.resolve()
        yield Buffer.from(bodyOf([responseTo(subjob.operations[0]!)]).slice(0, -3))
        throw new Error('connection reset')
      }
      const kept = new KeptBody(broken(), tested.sink.bodyBytesMax)
      const result = await readSubjobResult(kept, 'application/json', { valueBytesMax: 1e6, depthMax: 64 })
      if (result.type !== 'responses') throw new Error('the example has responses')
      await expect(tested.sink.publish(subjob, { ...result, body: kept })).rejects.toThrow('connection reset')
      expect(await tested.readValues(subjob, null)).toEqual([])
    })

    test('a destination that is not there is known, and refuses results for good', async () => {
      expect(await tested.sink.destinationExists(tested.destination)).toBe(true)
      expect(await tested.sink.destinationExists(tested.missing)).toBe(false)
      const source = { type: 'failure', code: 102, message: 'm' } as const
      const conclusion = { job: concludingJob('job'), destination: tested.missing, objects: [] }
      for (const write of [
        () => tested.sink.publish(subjobFor(tested.missing, 1), source),
        () => tested.sink.conclude(conclusion),
      ]) {
        const error: unknown = await write().catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(SinkFailure)
        expect(error).toMatchObject({ disposition: 'reject', message: expect.stringContaining(tested.missing) as string })
      }
    })
  })
}

export function concludingJob(id: string): JobConclusion['job'] {
  return {
    jobId: jobId(id),
    number: 1,
    tenant: 'default',
    dialect: 'ncmp',
    dialectData: null,
    kind: 'WRITE',
    destination: 'kafka:results',
    dataAcceptType: 'a',
    dataContentType: 'c',
    priority: 100,
    labels: {},
    deadlineAt: null,
    attemptsMax: 3,
    submittedBy: null,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    digest: 'd',
    createdAt: 1,
    strict: false,
    submission: null,
    parts: 0,
    partsLeft: 0,
    released: [], generated: [], abandonedAt: null, milestones: [],
    callbacks: {},
    held: false,
    run: 1,
    operations: { total: 5, succeeded: 4, failed: 1 },
    subjobs: { total: 2, succeeded: 1, partiallyFailed: 1, failed: 0, cancelled: 0 },
    message: null,
    state: 'concluding',
    startedAt: 1_700_000_000_000,
    outcome: 'partiallyFailed',
  }
}
