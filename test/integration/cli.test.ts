/** The command line against a real stack: the binary itself, as a script would use it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ExitCode } from '../../src/cli/exit-codes.ts'
import { givenStack } from '../harness/given-stack.ts'
import { rememberedService } from '../../src/cli/service/service-record.ts'
import { Installation, PARTITIONS } from '../harness/installation.ts'
import { bodyOf, countsOf, FAILING_CELLS, type PlannedJob, planJob } from '../harness/planned-job.ts'
import { ServiceClient } from '../harness/service-client.ts'

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Started {
  readonly child: ChildProcess
  /** All of stdout, once that text was printed there or on stderr. */
  printed(text: string): Promise<string>
  readonly ended: Promise<Ended>
}

const PROGRAM = join(import.meta.dirname, '../../bin/datajob.js')

function start(args: readonly string[], env: Readonly<Record<string, string>>, stdin = ''): Started {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env } })
  const written = { out: '', err: '' }
  child.stdout.on('data', (piece: Buffer) => (written.out += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => (written.err += piece.toString()))
  child.stdin.end(stdin)
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, ...written })
    })
  })
  const printed = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if ((written.out + written.err).includes(text)) resolve(written.out)
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
      look()
      void ended.then(() => {
        reject(new Error(`it ended without having printed "${text}": ${written.err}`))
      })
    })
  return { child, printed, ended }
}

interface Line {
  readonly key: string
  readonly value: { readonly data?: { readonly responses?: readonly { readonly operationId: string | number }[] } }
}

const linesOf = (out: string): Line[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
const idsOf = (operations: readonly { readonly operationId: string | number }[]): string[] =>
  operations.map(({ operationId }) => String(operationId)).sort()
const reportedIn = (lines: readonly Line[]): string[] =>
  idsOf(lines.flatMap(({ value }) => value.data?.responses ?? []))

describe('datajob', () => {
  let installation: Installation
  let env: Record<string, string>
  let service: Started
  let results: string

  const datajob = (...args: string[]): Promise<Ended> => start(args, env).ended
  const submit = (job: PlannedJob, ...args: string[]): Promise<Ended> =>
    start(['submit', '-', ...args], env, JSON.stringify(bodyOf(job))).ended
  const plan = (destination: string | null, failEvery?: number): PlannedJob =>
    planJob({
      kind: 'READ',
      destination,
      services: ['north'],
      operations: 40,
      ...(failEvery === undefined ? {} : { failEvery }),
    })

  beforeAll(async () => {
    const stack = givenStack()
    installation = await Installation.open('cli', stack)
    // A folder of a stack, so that the service leaves its address there.
    const folder = join(installation.folder, 'stack')
    mkdirSync(folder)
    env = {
      DATAJOB_KAFKA_BROKERS: stack.kafkaBrokers,
      DATAJOB_REGISTRY_URL: stack.registryUrl,
      DATAJOB_S3_ENDPOINT: stack.s3Endpoint,
      DATAJOB_S3_ACCESS_KEY: stack.s3AccessKey,
      DATAJOB_S3_SECRET_KEY: stack.s3SecretKey,
      DATAJOB_APPLICATION: installation.prefix.slice(0, -1),
      DATAJOB_TOPIC_PREFIX: installation.prefix,
      DATAJOB_PARTITIONS: String(PARTITIONS),
      DATAJOB_DATA_FOLDER: join(installation.folder, 'read-model'),
      DATAJOB_STACK_FOLDER: folder,
    }
    service = start(['serve', '--port', '0'], env)
    const client = new ServiceClient(await urlOf(service))
    await client.ready()
    await installation.network(client, 'north', { 'fail-operations': FAILING_CELLS })
    results = (await installation.resultTopic('results')).topic
  })

  afterAll(async () => {
    service.child.kill('SIGKILL')
    await service.ended
    await installation.close()
  })

  it('finds the service of this machine, submits, follows and prints each result once', async () => {
    const job = plan(`kafka:${results}`)
    const submitted = await submit(job, '--destination', `kafka:${results}`)
    expect({ code: submitted.code, out: submitted.out }).toEqual({ code: ExitCode.Ok, out: `${job.jobId}\n` })
    const watched = await datajob('watch', job.jobId)
    expect({ code: watched.code, out: watched.out }).toEqual({
      code: ExitCode.Ok,
      out: expect.stringContaining('FINISHED') as string,
    })
    const { code, out } = await datajob('results', job.jobId, '-o', 'json')
    expect(code).toBe(ExitCode.Ok)
    expect(reportedIn(linesOf(out))).toEqual(idsOf(job.operations))
    expect(out.trimEnd().split('\n').at(-1)).toContain('DataJobCompletionEvent')
    const shown = await datajob('results', job.jobId)
    expect(shown.out.trimEnd().split('\n')).toHaveLength(1 + job.operations.length)
    expect((await datajob('results', job.jobId, '--headers')).out).toContain(`ce_correlationid  ${job.jobId}`)
  })

  it('tells a script that operations failed', async () => {
    const job = plan(`kafka:${results}`, 5)
    const { code, out } = await submit(
      job,
      '--destination',
      `kafka:${results}`,
      '--watch',
      '--timeout',
      '120s',
      '-o',
      'json',
    )
    expect(code).toBe(ExitCode.JobFailed)
    const last = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as { counts: { operations: unknown } }
    expect(last).toMatchObject({ jobId: job.jobId, status: 'PARTIALLY_FAILED', counts: { operations: countsOf(job) } })
  })

  it('prints results from a bucket: the objects that the manifest names, the manifest last', async () => {
    const bucket = await installation.bucket('results')
    const job = plan(`s3:${bucket}`)
    expect((await submit(job, '--destination', `s3:${bucket}`, '--watch')).code).toBe(ExitCode.Ok)
    const { code, out } = await datajob('results', job.jobId, '-o', 'json')
    expect(code).toBe(ExitCode.Ok)
    const lines = linesOf(out)
    expect(reportedIn(lines)).toEqual(idsOf(job.operations))
    expect(lines.at(-1)?.key).toMatch(/manifest\.json$/)
    expect((await datajob('results', job.jobId)).out.trimEnd().split('\n')).toHaveLength(1 + job.operations.length)
  })

  it('submits straight to the command topic, and finds results that have no destination', async () => {
    const job = plan(null)
    const submitted = await submit(job, '--via', 'kafka', '-o', 'json')
    expect(JSON.parse(submitted.out)).toMatchObject({ jobId: job.jobId, topic: `${installation.prefix}commands` })
    expect((await datajob('watch', job.jobId)).code).toBe(ExitCode.Ok)
    const { out } = await datajob('results', job.jobId, '-o', 'json')
    expect(reportedIn(linesOf(out))).toEqual(idsOf(job.operations))
  })

  it('takes the same job twice without making it two, and refuses another one under its id', async () => {
    const job = plan(null)
    const first = await submit(job)
    expect(await submit(job)).toEqual(first)
    const other = { ...plan(null), jobId: job.jobId, operations: job.operations.slice(1) }
    expect(await submit(other)).toMatchObject({ code: ExitCode.Usage, out: '' })
  })

  it('lists what was submitted', async () => {
    const job = plan(`kafka:${results}`)
    await submit(job, '--destination', `kafka:${results}`, '--watch')
    const { out } = await datajob(
      'list',
      '--status',
      'FINISHED',
      '--destination',
      `kafka:${results}`,
      '--limit',
      '1',
      '-o',
      'json',
    )
    const { items } = JSON.parse(out) as { items: { jobId: string }[] }
    expect(items.map(({ jobId }) => jobId)).toEqual([job.jobId])
  })

  it('says that there is no such thing', async () => {
    const misses = await Promise.all([
      datajob('get', 'none'),
      datajob('results', 'none'),
      datajob('results', 'none', '--destination', 'kafka:not-there'),
      datajob('results', 'none', '--destination', 's3:not-there', '--no-wait'),
      datajob('results', 'none', '--destination', `kafka:${results}`, '--no-wait'),
    ])
    expect(misses.map(({ code }) => code)).toEqual(misses.map(() => ExitCode.NotFound))
    expect((await submit(plan(null), '--destination', 'kafka:not-there')).code).toBe(ExitCode.Usage)
  })

  it('waits for results no longer than it was told', async () => {
    expect((await datajob('results', 'none', '--destination', `kafka:${results}`, '--timeout', '200ms')).code).toBe(
      ExitCode.Timeout,
    )
  })

  it('compares the topics with what they should be', async () => {
    const applied = JSON.parse((await datajob('topics', 'apply', '-o', 'json')).out) as {
      topics: { state: string }[]
      schemas: unknown[]
    }
    expect(new Set(applied.topics.map(({ state }) => state))).toEqual(new Set(['exists']))
    expect(applied.schemas.length).toBeGreaterThan(0)
    expect((await datajob('topics', 'apply', '--partitions', '7')).code).toBe(ExitCode.Usage)
    const elsewhere = { ...env, DATAJOB_TOPIC_PREFIX: `${installation.prefix}nowhere.` }
    expect((await start(['topics', 'describe'], elsewhere).ended).code).toBe(ExitCode.NotFound)
  })

  it('says what is wrong instead of serving', async () => {
    const port = new URL(await urlOf(service)).port
    const elsewhere = { ...env, DATAJOB_TOPIC_PREFIX: `${installation.prefix}nowhere.` }
    const serveIn = (name: string): string[] => ['serve', '--data-folder', join(installation.folder, name)]
    const [taken, open, bare] = await Promise.all([
      datajob(...serveIn('taken'), '--port', port),
      datajob(...serveIn('open'), '--port', '0', '--host', '0.0.0.0'),
      start([...serveIn('bare'), '--port', '0'], elsewhere).ended,
    ])
    for (const { code, out } of [taken, open, bare]) expect({ code, out }).toEqual({ code: ExitCode.Usage, out: '' })
    expect(taken.err).toContain(`port ${port} on 127.0.0.1 is taken`)
    expect(open.err).toContain('--insecure')
    expect(bare.err).toContain('datajob topics apply')
  })

  it('ends with 4 where nobody answers', async () => {
    const away = { ...env, DATAJOB_START_TIMEOUT_MS: '0' }
    const misses = await Promise.all([
      start(['topics', 'describe', '--brokers', '127.0.0.1:1'], env).ended,
      start(['serve', '--port', '0', '--brokers', '127.0.0.1:1'], away).ended,
    ])
    expect(misses.map(({ code, out }) => ({ code, out }))).toEqual(
      misses.map(() => ({ code: ExitCode.Unreachable, out: '' })),
    )
  })

  it('stops at once while it still waits for Kafka', async () => {
    const waiting = start(['serve', '--port', '0', '--brokers', '127.0.0.1:1'], env)
    await waiting.printed('not started yet')
    waiting.child.kill('SIGTERM')
    expect(await waiting.ended).toMatchObject({ code: ExitCode.Interrupted, out: '' })
  })

  it('shows the demo: all of it is as it should be, and nothing is left behind', async () => {
    const folder = join(installation.folder, 'demo-stack')
    const { code, out } = await start(['demo'], { ...env, DATAJOB_STACK_FOLDER: folder }).ended
    expect(out).toContain('each of 500 operations reported once; all succeeded; manifest complete')
    expect(code).toBe(ExitCode.Ok)
    expect(readdirSync(join(folder, 'demo'))).toEqual([])
  })

  it('ends the demo in the middle, and its processes with it', async () => {
    const folder = join(installation.folder, 'demo-stack')
    const demo = start(['demo'], { ...env, DATAJOB_STACK_FOLDER: folder })
    await demo.printed('Jobs under way')
    const urls = (await demo.printed('datajob serve on')).match(/http:\/\/127\.0\.0\.1:\d+/g) ?? []
    demo.child.kill('SIGINT')
    expect((await demo.ended).code).toBe(ExitCode.Interrupted)
    expect(urls).not.toEqual([])
    for (const url of urls) await expect(fetch(url)).rejects.toThrow()
    expect(readdirSync(join(folder, 'demo'))).toEqual([])
  })

  it('stops serving when it is told to, and is not found any more', async () => {
    service.child.kill('SIGTERM')
    expect((await service.ended).code).toBe(ExitCode.Ok)
    expect(rememberedService(join(installation.folder, 'stack'))).toBeUndefined()
  })
})

async function urlOf(service: Started): Promise<string> {
  return /http:\/\/[^\s]+/.exec(await service.printed('listens on'))?.[0] ?? ''
}
