import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { NcmpJob } from '../../rest/dialects/ncmp/schemas.ts'
import { runCli, type TestRun } from '../cli-test-run.ts'
import { ExitCode } from '../exit-codes.ts'

interface Answer {
  readonly status: number
  readonly body: unknown
}

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A service that gives these answers one after the other, and the last one for ever. */
async function serviceWith(
  ...answers: readonly Answer[]
): Promise<{ run: (...args: string[]) => Promise<TestRun>; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      seen.push({ method, url, headers, body: Buffer.concat(pieces).toString() })
      const { status, body } = answers[Math.min(seen.length, answers.length) - 1]!
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { run: (...args) => runCli([...args, '--url', url], { stdin: '{"data":[]}' }), seen }
}

function job(changes: Partial<NcmpJob> = {}): NcmpJob {
  return {
    jobId: 'job-1',
    status: 'RUNNING',
    statusuri: 'http://s/ranoam/cm/v1/dataJob/job-1',
    resultsuri: 'kafka:results',
    run: 1,
    kind: 'READ',
    destination: 'kafka:results',
    dialect: 'ncmp',
    tenant: 'default',
    dataaccepttype: 'a/b',
    datacontenttype: 'a/b',
    priority: 100,
    labels: {},
    counts: {
      operations: { total: 500, succeeded: 480, failed: 20 },
      subjobs: { total: 2, succeeded: 1, partiallyFailed: 1, failed: 0, cancelled: 0 },
    },
    createdAt: '2026-03-01T12:00:00.000Z',
    startedAt: '2026-03-01T12:00:01.000Z',
    finishedAt: null,
    deadline: null,
    milestones: [],
    submittedBy: null,
    message: null,
    ...changes,
  }
}

const ended = (status: NcmpJob['status']): NcmpJob => job({ status, finishedAt: '2026-03-01T12:00:04.200Z' })
const ok = (body: unknown): Answer => ({ status: 200, body })
const accepted = { jobId: 'job-1', status: 'NOT_STARTED', statusuri: 's', resultsuri: 'r' }
const refusal = (status: number): Answer => ({
  status,
  body: { status: `${status} X`, message: 'It is refused', details: 'Do it otherwise.' },
})

describe('get', () => {
  it('prints the job for people', async () => {
    const { run } = await serviceWith(ok(ended('PARTIALLY_FAILED')))
    const { exitCode, out } = await run('get', 'job-1')
    expect(exitCode).toBe(ExitCode.Ok)
    expect(out).toContain('operations   500: 480 succeeded, 20 failed')
    expect(out).toContain('elapsed      4.2 s')
    expect(out).toMatch(/^dialect +ncmp$/m)
  })

  it('says whose a job is that came through another door', async () => {
    const { run } = await serviceWith(ok(job({ dialect: 'ogc', tenant: 'east' })))
    expect((await run('get', 'job-1')).out).toMatch(/^dialect +ogc, of east$/m)
  })

  it('prints the job for programs as the service gave it', async () => {
    const { run, seen } = await serviceWith(ok(job()))
    const { out } = await run('get', 'a/b', '-o', 'json')
    expect(JSON.parse(out)).toEqual(job())
    expect(seen[0]?.url).toBe('/ranoam/cm/v1/dataJob/a%2Fb')
  })

  it.each([
    [404, ExitCode.NotFound],
    [400, ExitCode.Usage],
    [401, ExitCode.Usage],
    [409, ExitCode.Usage],
    [429, ExitCode.Unreachable],
    [500, ExitCode.Unreachable],
    [503, ExitCode.Unreachable],
  ])('ends after an answer with status %d with %d, and says why', async (status, exitCode) => {
    const { run } = await serviceWith(refusal(status))
    expect(await run('get', 'job-1')).toEqual({
      exitCode,
      out: '',
      err: `error: It is refused (status ${status})\nDo it otherwise.\n`,
    })
  })

  it('ends with 4 where nobody listens, and where someone else does', async () => {
    expect((await runCli(['get', 'a', '--url', 'http://127.0.0.1:1'])).exitCode).toBe(ExitCode.Unreachable)
    const { run } = await serviceWith(ok(undefined))
    const { err, exitCode } = await run('get', 'a', '-o', 'json')
    expect({ err: err.includes('another service'), exitCode }).toEqual({ err: true, exitCode: ExitCode.Unreachable })
  })

  it('sends the token of the environment, which no option could keep out of the process table', async () => {
    const { seen, run } = await serviceWith(ok(job()))
    await run('get', 'a')
    const port = /127\.0\.0\.1:\d+/.exec(seen[0]?.headers.host ?? '')?.[0] ?? ''
    await runCli(['get', 'a'], { env: { DATAJOB_URL: `http://${port}/`, DATAJOB_TOKEN: 'secret-secret-secret' } })
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer secret-secret-secret'])
  })
})

describe('cancel and retry', () => {
  const accepted = (status: string): Answer => ({ status: 202, body: { jobId: 'a/b', status, statusuri: 'u', resultsuri: 'r' } })

  it.each([
    ['cancel', 'DELETE', '/ranoam/cm/v1/dataJob/a%2Fb', 'CANCELLING'],
    ['retry', 'POST', '/ranoam/cm/v1/dataJob/a%2Fb/retry', 'RUNNING'],
  ])('%s asks the service by %s %s, and says what the job is then', async (command, method, url, status) => {
    const { run, seen } = await serviceWith(accepted(status))
    expect(await run(command, 'a/b')).toEqual({ exitCode: ExitCode.Ok, out: '', err: `a/b: ${status}\n` })
    expect(seen.map((each) => `${each.method} ${each.url}`)).toEqual([`${method} ${url}`])
  })

  it.each([
    ['cancel', 'CANCELLED', ExitCode.Ok],
    ['cancel', 'PARTIALLY_FAILED', ExitCode.JobFailed],
    ['retry', 'FINISHED', ExitCode.Ok],
    ['retry', 'CANCELLED', ExitCode.JobFailed],
  ] as const)('%s --wait of a job that is %s in the end ends with %d', async (command, status, exitCode) => {
    const { run } = await serviceWith(accepted('RUNNING'), ok(job()), ok(ended(status)))
    expect((await run(command, 'a/b', '--wait')).exitCode).toBe(exitCode)
  })

  it('says why it is refused', async () => {
    const { run } = await serviceWith(refusal(409))
    const err = 'error: It is refused (status 409)\nDo it otherwise.\n'
    expect(await run('retry', 'a')).toEqual({ exitCode: ExitCode.Usage, out: '', err })
    expect((await run('cancel', 'a', '--timeout', '1s')).exitCode).toBe(ExitCode.Usage)
  })
})

describe('submit with options', () => {
  const preview = {
    ...{ jobId: null, kind: 'READ', operations: 30, subjobsTotal: 22, refusedOperations: 1 },
    subjobs: Array.from({ length: 22 }, (_, n) => ({ dmiServiceName: 'dmi', dataProducerId: `p${n}`, operations: 1 })),
    refused: [{ operationId: 7, path: '/A=1', statusCode: 100, statusMessage: 'not found' }],
  }

  it('sends them on', async () => {
    const { run, seen } = await serviceWith({ status: 202, body: { jobId: 'j', status: 'NOT_STARTED', statusuri: 'u', resultsuri: 'r' } })
    await run('submit', '-', '--strict', '--deadline', '2099-01-01T00:00:00Z', '--destination', 'kafka:t')
    expect(seen[0]?.url).toBe('/ranoam/cm/v1/dataJob?destination=kafka%3At&strict=true&deadline=2099-01-01T00%3A00%3A00Z')
  })

  it('shows what a job would be split into', async () => {
    const { run, seen } = await serviceWith({ status: 200, body: preview })
    const { out, exitCode } = await run('submit', '-', '--dry-run')
    expect(exitCode).toBe(ExitCode.Ok)
    expect(seen[0]?.url).toBe('/ranoam/cm/v1/dataJob?dryRun=true')
    expect(out).toContain('READ job of 30 operations; nothing was submitted\nsubjobs  22\n  dmi p0: 1\n')
    expect(out).toContain('  dmi p19: 1\n  and 2 more\nrefused  1\n  7 /A=1: 100 not found\n')
    expect(JSON.parse((await run('submit', '-', '--dry-run', '-o', 'json')).out)).toEqual(preview)
  })

  it.each([['--dry-run', '--watch'], ['--via', 'kafka', '--strict']])('refuses %s with %s', async (...options) => {
    const { run, seen } = await serviceWith(ok(undefined))
    expect((await run('submit', '-', ...options)).exitCode).toBe(ExitCode.Usage)
    expect(seen).toEqual([])
  })
})

describe('watch', () => {
  it.each([
    ['FINISHED', ExitCode.Ok],
    ['PARTIALLY_FAILED', ExitCode.JobFailed],
    ['FAILED', ExitCode.JobFailed],
  ] as const)('of a job that is %s in the end ends with %d', async (status, exitCode) => {
    const { run } = await serviceWith(ok(job({ status: 'NOT_STARTED' })), ok(job()), ok(job()), ok(ended(status)))
    const result = await run('watch', 'job-1')
    expect(result.exitCode).toBe(exitCode)
    expect(result.out).toContain(`status       ${status}`)
  })

  it('prints each change as a line of JSON, and nothing else on stdout', async () => {
    const { run } = await serviceWith(ok(job()), ok(job()), ok(ended('FINISHED')))
    const { out } = await run('watch', 'job-1', '-o', 'json')
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as NcmpJob)
    expect(lines.map(({ status }) => status)).toEqual(['RUNNING', 'FINISHED'])
  })

  it('goes on when the service was away', async () => {
    const { run } = await serviceWith(ok(job()), refusal(503), refusal(503), ok(ended('FINISHED')))
    const { exitCode, err } = await run('watch', 'job-1')
    expect(exitCode).toBe(ExitCode.Ok)
    expect(err.match(/asking again/g)).toHaveLength(1)
  })

  it('ends with 5 when the time is over, with 3 when there is no such job', async () => {
    const { run } = await serviceWith(ok(job()))
    expect((await run('watch', 'job-1', '--timeout', '150ms')).exitCode).toBe(ExitCode.Timeout)
    const none = await serviceWith(refusal(404))
    expect((await none.run('watch', 'job-1')).exitCode).toBe(ExitCode.NotFound)
  })
})

describe('submit', () => {
  it('sends the body as it is and prints the id alone', async () => {
    const { run, seen } = await serviceWith({ status: 202, body: accepted })
    const { exitCode, out } = await run('submit', '-', '--destination', 'kafka:results', '--idempotency-key', 'key 1')
    expect({ exitCode, out }).toEqual({ exitCode: ExitCode.Ok, out: 'job-1\n' })
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/ranoam/cm/v1/dataJob?destination=kafka%3Aresults',
      body: '{"data":[]}',
    })
    expect(seen[0]?.headers).toMatchObject({ 'idempotency-key': 'key 1', 'content-type': 'application/json' })
  })

  it('adds the id that was chosen', async () => {
    const { run, seen } = await serviceWith({ status: 202, body: accepted })
    await run('submit', '-', '--job-id', 'job-1')
    expect(seen[0]?.body).toBe('{"jobId":"job-1","data":[]}')
  })

  it('prints the answer for programs, and with --watch a line for each change behind it', async () => {
    const one = await serviceWith({ status: 202, body: accepted })
    expect(JSON.parse((await one.run('submit', '-', '-o', 'json')).out)).toEqual(accepted)
    const watched = await serviceWith({ status: 202, body: accepted }, ok(ended('FAILED')))
    const { exitCode, out } = await watched.run('submit', '-', '-o', 'json', '--watch')
    expect(exitCode).toBe(ExitCode.JobFailed)
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as NcmpJob).status),
    ).toEqual(['NOT_STARTED', 'FAILED'])
  })
})

describe('list', () => {
  it('asks with every filter and prints a line for each job', async () => {
    const { run, seen } = await serviceWith(ok({ items: [job(), ended('FINISHED')], next: null }))
    const { out } = await run(
      'list',
      '--status',
      'RUNNING',
      'FINISHED',
      '--destination',
      's3:b',
      '--created-after',
      '2026-03-01T00:00:00Z',
    )
    expect(out.split('\n').map((line) => line.slice(0, 17).trim())).toEqual([
      'job    status',
      'job-1  RUNNING',
      'job-1  FINISHED',
      '',
    ])
    const query = new URL(seen[0]?.url ?? '', 'http://s').searchParams
    expect([...query]).toEqual([
      ['limit', '20'],
      ['status', 'RUNNING'],
      ['status', 'FINISHED'],
      ['destination', 's3:b'],
      ['createdAfter', '2026-03-01T00:00:00Z'],
    ])
  })

  it('follows pages up to the limit and says where to go on', async () => {
    const page = (next: string | null): Answer => ok({ items: Array.from({ length: 1_000 }, () => job()), next })
    const { run, seen } = await serviceWith(page('c1'), page('c2'))
    const { out } = await run('list', '--limit', '2000', '-o', 'json')
    const list = JSON.parse(out) as { items: NcmpJob[]; next: string }
    expect({ items: list.items.length, next: list.next }).toEqual({ items: 2_000, next: 'c2' })
    expect(seen.map(({ url }) => new URL(url, 'http://s').searchParams.get('cursor'))).toEqual([null, 'c1'])
  })

  it('says on stderr that there are none', async () => {
    const { run } = await serviceWith(ok({ items: [], next: null }))
    expect(await run('list')).toEqual({ exitCode: ExitCode.Ok, out: '', err: 'no jobs\n' })
  })
})
