import { describe, expect, it } from 'vitest'
import { ExitCode } from '../exit-codes.ts'
import { commandOf, type JobCommand } from './command-of.ts'
import { withJobId } from './with-job-id.ts'

interface Wishes {
  readonly jobId?: string
  readonly destination?: string
}

const command = (body: string, { jobId, destination }: Wishes = {}): JobCommand =>
  commandOf(Buffer.from(body), { jobId: jobId ?? null, destination: destination ?? null })
const valueOf = (body: string, wishes: Wishes = {}): string =>
  command(body, { jobId: 'job-1', ...wishes }).value.toString()

describe('a job as a command', () => {
  it('keeps every digit of a value, whichever spelling it comes in', () => {
    const operation = '"op":"merge","path":"/A=1","value":{"x":1.50,"big":12345678901234567890}'
    const kept = '"value":{"x":1.50,"big":12345678901234567890}'
    expect(valueOf(`{"data":[{${operation}}]}`)).toContain(kept)
    expect(valueOf(`{"dataJobWriteRequest":{"data":[{${operation}}]}}`)).toContain(kept)
    expect(valueOf(`{"operations":[{${operation}}]}`)).toContain(kept)
  })

  it("keeps a read's extras", () => {
    const value = valueOf('{"data":[{"op":"read","path":"/A=1","operationId":7,"scopeType":"BASE_ALL"}]}')
    expect(JSON.parse(value)).toMatchObject({
      kind: 'READ',
      operations: [{ operationId: 7, op: 'read', path: '/A=1', options: { scopeType: 'BASE_ALL' } }],
    })
  })

  it('takes id and destination from options', () => {
    const value = valueOf('{"operations":[{"op":"read","path":"/A=1"}]}', { destination: 'kafka:t' })
    expect(JSON.parse(value)).toMatchObject({ jobId: 'job-1', destination: 'kafka:t' })
  })

  it('has an id, so that it can be asked for', () => {
    const { jobId, value } = command('{"operations":[{"op":"read","path":"/A=1"}]}')
    expect(jobId).toMatch(/^[0-9a-f-]{36}$/)
    expect(JSON.parse(value.toString())).toMatchObject({ jobId })
    expect(command('{"jobId":"own","operations":[{"op":"read","path":"/A=1"}]}').jobId).toBe('own')
  })

  it.each<[string, string, Wishes]>([
    ['no JSON', 'x', {}],
    ['an operation without a path', '{"data":[{"op":"read"}]}', {}],
    ['a member that there is none of', '{"operations":[{"op":"read","path":"/A=1"}],"colour":1}', {}],
    ['reads and writes', '{"data":[{"op":"read","path":"/A=1"},{"op":"remove","path":"/A=1"}]}', {}],
    ['another id than the option', '{"jobId":"a","operations":[{"op":"read","path":"/A=1"}]}', { jobId: 'b' }],
    [
      'another destination than the option',
      '{"destination":"s3:abc","operations":[{"op":"read","path":"/A=1"}]}',
      { destination: 'kafka:t' },
    ],
  ])('is refused with %s', (_, body, wishes) => {
    expect(() => command(body, wishes)).toThrow(expect.objectContaining({ exitCode: ExitCode.Usage }))
  })
})

describe('withJobId', () => {
  const id = (body: string): string => withJobId(Buffer.from(body), 'job-1').toString()

  it('adds the id and leaves every other byte alone', () => {
    expect(id('{ "data": [ {"value": 1.50} ] }')).toBe('{"jobId":"job-1","data":[ {"value": 1.50} ]}')
    expect(id('{"jobId":null,"data":[]}')).toBe('{"jobId":"job-1","data":[]}')
    expect(id('{"jobId":"job-1","data":[]}')).toBe('{"jobId":"job-1","data":[]}')
  })

  it('refuses a job that has another id, and what is no job', () => {
    expect(() => id('{"jobId":"other"}')).toThrow('--job-id is "job-1", but the job itself says "other"')
    expect(() => id('[]')).toThrow(expect.objectContaining({ exitCode: ExitCode.Usage }))
  })
})
