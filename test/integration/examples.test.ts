/** The examples, run as a newcomer would run them: each as a program of its own, told only where things are. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, planJob } from '../harness/planned-job.ts'
import { until } from '../harness/until.ts'

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

type Environment = Readonly<Record<string, string>>

const EXAMPLES = join(import.meta.dirname, '../../examples')
const STAND_IN = join(import.meta.dirname, '../harness/kcat-stand-in.ts')
const EVENT_BYTES_MAX = 30_000
const RESULT_BYTES = 100_000

const { PATH = '', HOME = '' } = process.env
const hasKcat = spawnSync('kcat', ['-V']).error === undefined

let installation: Installation
let service: Service
let plugin: { readonly process: ChildProcess; readonly url: string }
let environment: Environment
const running = new Set<ChildProcess>()

function start(file: string, env: Environment = {}): ChildProcess & { readonly stdout: NodeJS.ReadableStream } {
  const [program, args] = file.endsWith('.ts') ? [process.execPath, [join(EXAMPLES, file)]] : [join(EXAMPLES, file), []]
  const child = spawn(program, args, { env: { PATH, HOME, ...environment, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

function run(file: string, env: Environment = {}): Promise<Ended> {
  const child = start(file, env)
  const written = { out: '', err: '' }
  child.stdout.on('data', (piece: Buffer) => (written.out += piece.toString()))
  child.stderr?.on('data', (piece: Buffer) => (written.err += piece.toString()))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, ...written })
    })
  })
}

/** What an example printed that went well. */
async function outputOf(file: string, env: Environment = {}): Promise<string> {
  const ended = await run(file, env)
  expect(ended, ended.err).toMatchObject({ code: 0 })
  return ended.out
}

async function startPlugin(): Promise<typeof plugin> {
  const child = start('dmi-plugin.ts', { PORT: '0', WORK_MS: '100' })
  let out = ''
  child.stdout.on('data', (piece: Buffer) => (out += piece.toString()))
  const port = await until('the plugin listens', () => /port: (\d+)/.exec(out)?.[1])
  return { process: child, url: `http://127.0.0.1:${port}` }
}

beforeAll(async () => {
  const stack = givenStack()
  installation = await Installation.open('examples', stack, { DATAJOB_EVENT_BYTES_MAX: String(EVENT_BYTES_MAX) })
  service = await installation.service('service')
  environment = {
    DATAJOB_URL: service.client.url,
    DATAJOB_KAFKA_BROKERS: stack.kafkaBrokers,
    DATAJOB_TOPIC_PREFIX: installation.prefix,
  }
  await service.client.ready()
  plugin = await startPlugin()
  await outputOf('register-with-curl.sh', { DMI_URL: plugin.url })
})

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL')
  await installation.close()
})

describe('a registration by curl', () => {
  it('may be made again, and then changes nothing', async () => {
    await outputOf('register-with-curl.sh', { DMI_URL: plugin.url })
    const { body } = await service.client.request('GET', '/ncmpInventory/v1/dmi/example-dmi')
    expect(body).toMatchObject({ name: 'example-dmi', baseUrl: plugin.url })
  })

  it('fails where the service refuses it, and shows why', async () => {
    const { code, out } = await run('register-with-curl.sh', { DMI_URL: 'nowhere' })
    expect(code).not.toBe(0)
    expect(out).toContain('400 BAD_REQUEST')
  })
})

describe('a submission by curl', () => {
  it('is followed to its end and shows each result', async () => {
    const out = await outputOf('submit-with-curl.sh', { JOB_ID: 'by-curl' })
    expect(out).toContain('"status":"NOT_STARTED"')
    expect(out).toMatch(/event: end\ndata: .*"status":"FINISHED"/)
    for (const id of ['cell-7', 'element-2']) expect(out.split(`"operationId":"${id}"`)).toHaveLength(2)
    expect(out).toContain('DataJobCompletionEvent')
  })

  it('goes to the destination that is named', async () => {
    const { topic, records } = await settledTopic('curl')
    expect(records).toEqual([])
    await outputOf('submit-with-curl.sh', { JOB_ID: 'by-curl-to-topic', DESTINATION: `kafka:${topic}` })
    const events = await outputOf('consume-with-kafkajs.ts', { JOB_ID: 'by-curl-to-topic', TOPIC: topic })
    expect(events).toContain(`ce_destination: ${topic}`)
  })

  it('fails where the service refuses it, and shows why', async () => {
    const { code, out } = await run('submit-with-curl.sh', { DESTINATION: 'kafka:not-there' })
    expect(code).not.toBe(0)
    expect(out).toContain('422 UNPROCESSABLE_ENTITY')
  })
})

async function settledTopic(name: string): Promise<{ topic: string; records: readonly unknown[] }> {
  const log = await installation.resultTopic(name)
  return { topic: log.topic, records: await log.settled() }
}

interface KcatEvent {
  readonly key: string
  readonly headers: readonly string[]
  readonly payload: string
}

function kcatSuite(jobId: string, env: () => Environment): void {
  it('submits a job that runs, and consumes its events up to the last', async () => {
    const { topic } = await settledTopic(jobId)
    const others = await outputOf('submit-with-kcat.sh', { ...env(), JOB_ID: `${jobId}-other`, DESTINATION: `kafka:${topic}` })
    expect(others).toBe(`${jobId}-other\n`)
    await outputOf('submit-with-kcat.sh', { ...env(), JOB_ID: jobId, DESTINATION: `kafka:${topic}` })
    const lines = (await outputOf('consume-with-kcat.sh', { ...env(), JOB_ID: jobId, TOPIC: topic })).trimEnd().split('\n')
    const events = lines.map((line) => JSON.parse(line) as KcatEvent)
    expect(new Set(events.map(({ key }) => key))).toEqual(new Set([jobId]))
    expect(events.at(-1)?.headers).toContain('org.onap.cps.ncmp.events.async1_0_0.DataJobCompletionEvent')
    const values = events.map(({ payload }) => JSON.parse(payload) as { data: { responses?: { operationId: string }[]; status?: string } })
    expect(values.at(-1)?.data.status).toBe('FINISHED')
    const reported = values.flatMap(({ data }) => data.responses ?? []).map(({ operationId }) => operationId)
    expect(reported.toSorted()).toEqual(['cell-7', 'cell-8'])
  })

  it('keeps results on our topic where no destination is named', async () => {
    const job = `${jobId}-kept`
    await outputOf('submit-with-kcat.sh', { ...env(), JOB_ID: job })
    expect(await outputOf('consume-with-kcat.sh', { ...env(), JOB_ID: job })).toContain(`"topic":"${installation.prefix}results"`)
  })

  it('says that it did not find the end where kcat fails', async () => {
    const away = { ...env(), JOB_ID: 'none', DATAJOB_KAFKA_BROKERS: '127.0.0.1:1' }
    expect((await run('consume-with-kcat.sh', away)).code).not.toBe(0)
    expect((await run('submit-with-kcat.sh', away)).code).not.toBe(0)
  })
}

describe.skipIf(!hasKcat)('kcat itself (skipped where it is not installed)', () => {
  kcatSuite('by-kcat', () => ({}))
})

describe('the kcat scripts with a stand-in for kcat (test/harness/kcat-stand-in.ts)', () => {
  kcatSuite('by-stand-in', () => {
    const folder = join(installation.folder, 'bin')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'kcat'), `#!/bin/sh\nexec "${process.execPath}" "${STAND_IN}" "$@"\n`, { mode: 0o755 })
    return { PATH: [folder, PATH].join(delimiter) }
  })
})

describe('the client in TypeScript', () => {
  it('submits, follows and reads the results', async () => {
    const out = await outputOf('typescript-client/submit-and-follow.ts', { JOB_ID: 'by-typescript' })
    expect(out).toContain(`submitted: ${service.client.url}/ranoam/cm/v1/dataJob/by-typescript\n`)
    expect(out).toContain('FINISHED: 2 of 2 operations succeeded')
    for (const id of ['cell-7', 'element-2']) expect(out.split(`"operationId":"${id}"`)).toHaveLength(2)
  })

  it('reads the links of results in a bucket', async () => {
    const bucket = await installation.bucket('typescript')
    const out = await outputOf('typescript-client/submit-and-follow.ts', { DESTINATION: `s3:${bucket}` })
    expect(out).toMatch(/"http.*\/manifest\.json\?/)
  })

  it('says what was refused', async () => {
    const { code, err } = await run('typescript-client/submit-and-follow.ts', { DESTINATION: 'kafka:not-there' })
    expect(code).not.toBe(0)
    expect(err).toContain('422 UNPROCESSABLE_ENTITY: The topic "not-there" does not exist')
  })
})

describe('the consumer in kafkajs', () => {
  it('shows the headers and every response of one job, and stops at its completion event', async () => {
    const { topic } = await settledTopic('kafkajs')
    for (const id of ['first', 'second']) await outputOf('submit-with-curl.sh', { JOB_ID: id, DESTINATION: `kafka:${topic}` })
    const out = await outputOf('consume-with-kafkajs.ts', { JOB_ID: 'second', TOPIC: topic })
    expect(out).not.toContain('ce_correlationid: first')
    for (const id of ['cell-7', 'element-2']) expect(out.split(`operation ${id}: 0 Successfully applied changes`)).toHaveLength(2)
    expect(out).toContain('ce_id: second/completion')
    expect(out.trimEnd().split('\n').at(-1)).toContain('the job is FINISHED: {"operations":{"total":2,"succeeded":2,"failed":0}')
  })

  it('puts results together that come in parts', async () => {
    const { topic } = await settledTopic('parts')
    await installation.network(service.client, 'large', { 'result-bytes': String(RESULT_BYTES) })
    const job = planJob({ kind: 'READ', destination: `kafka:${topic}`, services: ['large'], operations: 3 })
    await service.client.submit(bodyOf(job), {}, job.destination)
    const out = await outputOf('consume-with-kafkajs.ts', { JOB_ID: job.jobId, TOPIC: topic })
    expect(out.match(new RegExp(`^ {2}result .*, ${RESULT_BYTES} bytes in \\d+ parts`, 'gm'))).toHaveLength(3)
    expect(out).toContain('the job is FINISHED')
  })
})

describe('the DMI plugin', () => {
  const operation = { operationId: 1, op: 'read', path: '/Element=é' }

  async function call(method: string, path: string, options: { readonly key?: string; readonly body?: unknown } = {}): Promise<unknown> {
    const { key, body } = options
    const response = await fetch(`${plugin.url}/dmi/v1/dataJob/job%2F1/${path}`, {
      method,
      headers: key === undefined ? {} : { 'idempotency-key': key },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { httpStatus: response.status, ...((await response.json()) as object) }
  }

  async function submitted(key: string): Promise<string> {
    const answer = (await call('POST', 'readJob?destination=', { key, body: { data: [operation] } })) as { dataProducerJobId: string }
    return `dataProducerJob/${answer.dataProducerJobId}`
  }

  it('has no more than 60 lines', () => {
    expect(readFileSync(join(EXAMPLES, 'dmi-plugin.ts'), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(60)
  })

  it('does what is submitted twice under one Idempotency-Key once', async () => {
    const job = await submitted('one')
    expect(await submitted('one')).toBe(job)
    expect(await submitted('another')).not.toBe(job)
  })

  it('hands a result out once it has finished', async () => {
    const job = await submitted('to-its-end')
    await until('it has finished', async () => ((await call('GET', `${job}/status`)) as { status: string }).status === 'FINISHED')
    const { path, op } = operation
    const response = { operationId: 1, statusCode: 0, request: { op, path }, result: { id: path } }
    expect(await call('GET', `${job}/result?dataProducerId=`)).toMatchObject({ httpStatus: 200, data: { responses: [response] } })
  })

  it('stops work that is cancelled', async () => {
    const job = await submitted('cancelled')
    expect(await call('DELETE', job)).toMatchObject({ httpStatus: 200, status: 'CANCELLED' })
    expect(await call('GET', `${job}/status`)).toMatchObject({ status: 'CANCELLED' })
    expect(await call('GET', `${job}/result`)).toMatchObject({ data: { responses: [{ operationId: 1, statusCode: 104 }] } })
  })

  it('refuses what it does not know or understand', async () => {
    expect(await call('GET', 'dataProducerJob/none/status')).toMatchObject({ httpStatus: 404 })
    expect(await call('POST', 'readJob', { body: { data: 'none' } })).toMatchObject({ httpStatus: 400 })
  })
})
