import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { exampleGroup, exampleRoutedOperation } from '../../test/fakes/domain-examples.ts'
import { ResponseCode } from '../domain/response-code.ts'
import { KeptBody } from '../sinks/kept-body.ts'
import type { ResultSource } from '../sinks/sink.ts'
import type { Generation } from '../stages/generation.ts'
import { GENERATED_BYTES_MAX, type Generators, readGenerated } from './generations.ts'

const operation = exampleRoutedOperation({ operationId: 7 })
const order = { generator: { dialect: 'd', dialectData: 'data' }, authorization: 'Bearer t' }
const steps = { source: 's', operations: [exampleRoutedOperation({ operationId: '7/1' })], groups: [exampleGroup()] }
const record = { topic: 't', key: 'k', value: Buffer.from('v') }
const response = { operationId: 7, statusCode: 0, statusMessage: 'well', result: { stdout: 'said' } }

function resultOf(...responses: readonly { operationId: string | number; statusCode: number }[]): ResultSource {
  const read = responses.map((each) => ({ ...each, raw: Buffer.from(JSON.stringify(each)) }))
  return { type: 'responses', responses: read, body: new KeptBody(Readable.from([]), 0) }
}

async function saidIn(source: ResultSource): Promise<readonly unknown[]> {
  if (source.type !== 'responses') return [source]
  const said: unknown[] = []
  for await (const { raw } of source.responses) said.push(JSON.parse(raw.toString()))
  return said
}

const large = exampleRoutedOperation({ value: 'x'.repeat(GENERATED_BYTES_MAX) })
const answering = (generation: Generation): Generators => ({ d: () => Promise.resolve(generation) })
const well = answering({ ok: true, steps, records: [record] })

describe('what a step yields', () => {
  it('is read from its operation’s response, which goes out as it came', async () => {
    const asked: unknown[] = []
    const generators: Generators = {
      d: ({ response: raw, ...done }) => {
        asked.push({ ...done, response: JSON.parse(raw.toString()) as unknown })
        return Promise.resolve({ ok: true, steps, records: [record] })
      },
    }
    const result = resultOf({ operationId: 1, statusCode: 0 }, { ...response, operationId: '7' })
    const read = await readGenerated(order, operation, result, generators)
    expect(asked).toEqual([{ dialectData: 'data', operation, response: { ...response, operationId: '7' } }])
    expect(read).toMatchObject({ generated: { ...steps, authorization: 'Bearer t', generator: operation }, records: [record] })
    expect(await saidIn(read.source)).toEqual([{ operationId: 1, statusCode: 0 }, { ...response, operationId: '7' }])
  })

  it('may be nothing', async () => {
    const nothing = answering({ ok: true, steps: { source: 's', operations: [], groups: [] }, records: [] })
    expect(await readGenerated(order, operation, resultOf(response), nothing)).toMatchObject({ generated: null, records: [] })
  })

  it('is not looked for where none is expected, or the operation has failed', async () => {
    for (const [given, source] of [
      [{ ...order, generator: null }, resultOf(response)],
      [order, resultOf({ ...response, statusCode: 104 })],
      [order, resultOf()],
      [order, { type: 'failure', code: ResponseCode.Rejected, message: 'no' }],
    ] as const) {
      const read = await readGenerated(given, operation, source, well)
      expect([read.generated, read.records]).toEqual([null, []])
      expect(await saidIn(read.source)).toEqual(await saidIn(source))
    }
  })

  it.each<[string, Generators, string]>([
    ['can’t be read', answering({ ok: false, message: 'no JSON' }), 'no JSON'],
    ['is of a dialect that nobody knows', {}, 'This version of the service reads nothing that jobs of the dialect "d" yield'],
    [
      'is too large',
      answering({ ok: true, steps: { ...steps, operations: [large] }, records: [] }),
      `may have ${GENERATED_BYTES_MAX}`,
    ],
  ])('that %s fails its operation, which keeps all else that was said of it', async (_, generators, message) => {
    const { generated, records, source } = await readGenerated(order, operation, resultOf(response), generators)
    expect([generated, records]).toEqual([null, []])
    const statusMessage = expect.stringContaining(message) as string
    expect(await saidIn(source)).toEqual([{ ...response, statusCode: ResponseCode.Rejected, statusMessage }])
    expect(source).toMatchObject({ responses: [{ statusCode: ResponseCode.Rejected }] })
  })

  it('can’t be read from a result without responses', async () => {
    const opaque: ResultSource = { type: 'opaque', format: 'json', contentType: '', chunks: Readable.from(['{}']) }
    expect((await readGenerated(order, operation, opaque, well)).source).toMatchObject({ type: 'failure', code: ResponseCode.UnknownError })
  })
})
