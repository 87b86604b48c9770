import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Decoded } from '../../src/codec/codec.ts'
import { localCodec } from '../../src/codec/local-codec.ts'
import { OPTION_NAMES } from '../../src/codec/operation-texts.ts'
import type { SubmitJob } from '../../src/domain/messages.ts'
import type { Operation } from '../../src/domain/operation.ts'
import { submitJob } from '../contract/codec-messages.ts'

const codec = localCodec()

/** Submissions that can be said in JSON: with operations of one kind, all of them in the command. */
const submissions = submitJob
  .filter(({ operations }) => operations.length > 0)
  .map((each): SubmitJob => {
    const op = each.kind === 'READ' ? 'read' : 'add'
    const operations = each.operations.map((operation) => ({ ...operation, ...valueOf(operation), op }) as const)
    return { ...each, operations, ...{ submission: null, parts: 0, operationCount: 0 } }
  })

// Options are those that a read may have.
function valueOf({ value, options }: Operation): Pick<Operation, 'value' | 'options'> {
  const members = options === null ? null : Object.entries(JSON.parse(options) as object).filter(([, member]) => member !== null)
  // With spaces that no other writer of JSON would put there: they are the client's.
  const spaced = members === null ? null : JSON.stringify(Object.fromEntries(members)).replace('{', '{ ')
  return { value: value === null ? null : `[ ${value}]`, options: spaced }
}

function decode(value: Buffer): Decoded {
  const decoded = codec.decodeCommand(value, 42)
  if (decoded instanceof Promise) throw new Error('expected an answer at once')
  return decoded
}

/** The command as a client writes it: the members in another order, what is null left out or not, values and options as they are. */
function jsonOf(submission: SubmitJob, isNullLeftOut: boolean, areOptionsMembers: boolean): string {
  const { operations, submission: mark, parts, operationCount, ...envelope } = submission
  const members = Object.entries({ ...envelope }).filter(([, value]) => value !== null || !isNullLeftOut)
  const texts = members.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)
  const elements = operations.map((each) => operationJson(each, areOptionsMembers))
  return `{ ${[`"operations":[${elements.join(' ,\n')}]`, ...texts.reverse()].join(', ')}}`
}

function operationJson({ operationId, op, path, value, options }: Operation, areOptionsMembers: boolean): string {
  const members = [`"path":${JSON.stringify(path)}`, `"op":"${op}"`, `"operationId": ${JSON.stringify(operationId)}`]
  if (value !== null) members.push(`"value":${value}`)
  if (options !== null && !areOptionsMembers) members.push(`"options":${options}`)
  if (options !== null && areOptionsMembers && options !== '{ }') members.push(options.slice(1, -1))
  return `{${members.join(',')}}`
}

describe('a submission', () => {
  it('says the same as JSON and as Avro, member for member and byte for byte of its values', () => {
    fc.assert(
      fc.property(submissions, fc.boolean(), (submission, isNullLeftOut) => {
        const asJson = decode(Buffer.from(jsonOf(submission, isNullLeftOut, false)))
        expect(asJson).toEqual(decode(codec.encode(submission)))
        expect(asJson).toEqual({ ok: true, message: { ...submission, createdAt: submission.createdAt ?? 42 } })
      }),
      { numRuns: 500 },
    )
  })

  it('means the same whether the options of its operations stand by themselves or among their members', () => {
    fc.assert(
      fc.property(submissions, (submission) => {
        const operations = submission.operations.map((each) => ({ ...each, options: inOrder(each.options) }))
        const given = { ...submission, operations }
        expect(decode(Buffer.from(jsonOf(given, true, true)))).toEqual(decode(Buffer.from(jsonOf(given, true, false))))
      }),
      { numRuns: 300 },
    )
  })

  it('without a digest gets the same one in both forms', () => {
    fc.assert(
      fc.property(submissions, (submission) => {
        const without = { ...submission, digest: null } as unknown as SubmitJob
        const asJson = decode(Buffer.from(jsonOf(without, true, false)))
        expect(asJson.ok).toBe(true)
        expect(asJson).toEqual(decode(codec.encode(without)))
      }),
      { numRuns: 200 },
    )
  })
})

/** Options in the order in which those that stand among an operation's members are put together; null where there is none. */
function inOrder(options: string | null): string | null {
  if (options === null) return null
  const given = JSON.parse(options) as Readonly<Record<string, unknown>>
  const members = OPTION_NAMES.filter((name) => name in given).map((name) => `${JSON.stringify(name)}:${JSON.stringify(given[name])}`)
  return members.length === 0 ? null : `{${members.join(',')}}`
}
