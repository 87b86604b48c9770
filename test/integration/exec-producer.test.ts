/** `datajob producer exec` as a process: what it runs, what it refuses, and what it ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import {
  daemon, type ExecProducerProcess, longTime, processesWith, running, script, shellPrograms as programs, shortGrace,
} from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

let installation: Installation
let producer: ExecProducerProcess
let bucket: string

beforeAll(async () => {
  installation = await Installation.open('exec', givenStack())
  bucket = await installation.bucket('outputs')
  producer = await installation.execProducer('main', { ...shortGrace, programs, bucket, limits: { outputBytes: { default: 1_000 } } })
})

afterAll(async () => {
  await installation.close()
})

describe('a command', () => {
  it('runs in a folder of its own, with what it is given and nothing of ours, and its result says how it went', async () => {
    const files = { 'a/in.json': { n: 1 }, 'b.txt': 'text' }
    const value = script('cat - a/in.json b.txt; env >&2; pwd', { stdin: 'from stdin ', files, environment: { GRANULE: 'g 1' } })
    const { statusCode, result } = await producer.response(await producer.accepted('plain', value))
    expect({ statusCode, reason: result.reason, exitCode: result.exitCode }).toEqual({ statusCode: 0, reason: 'exited', exitCode: 0 })
    expect(result.stdout.text).toMatch(/^from stdin \{"n":1\}text\/.*\/work\n$/)
    const variables = result.stderr.text.trim().split('\n').map((line) => line.split('=')[0])
    expect(variables.filter((name) => name !== 'PWD' && name !== '_' && name !== 'SHLVL' && name !== 'OLDPWD').sort()).toEqual([
      ...['DATAJOB_ATTEMPT', 'DATAJOB_EXEC_ATTEMPT', 'DATAJOB_JOB_ID', 'DATAJOB_OPERATION_ID', 'DATAJOB_OUTPUT_URI', 'DATAJOB_PROGRESS'],
      ...['GRANULE', 'HOME', 'LANG', 'PATH', 'TMPDIR'],
    ])
  })

  it('that fails fails its operation alone, and the next one runs after it', async () => {
    const id = await producer.accepted('two', script('echo "first" >&2; exit 7'), { command: ['greet', 'you'] })
    const [first, second] = await producer.responses(id)
    expect(first).toMatchObject({ operationId: 1, statusCode: 104, statusMessage: 'exited with 7', result: { exitCode: 7 } })
    expect(first?.result.stderr.text).toBe('first\n')
    expect(second).toMatchObject({ operationId: 2, statusCode: 0, result: { stdout: { text: 'hello you\n' } } })
    expect(Date.parse(second?.result.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(first?.result.endedAt ?? ''))
    expect(await producer.over(id)).toBe('PARTIALLY_FAILED')
  })

  it('says how far it is while it runs', async () => {
    const text = 'echo "40 tile 4 of 10" >> "$DATAJOB_PROGRESS"; until [ -e go ]; do sleep 0.02; done'
    const id = await producer.accepted('progress', script(text))
    const told = await until('it says so', async () => {
      const status = await producer.status(id)
      return status.message === '' ? null : status
    })
    expect(told).toEqual({ status: 'RUNNING', progress: 40, message: 'tile 4 of 10' })
    await producer.cancel(id)
    expect(await producer.over(id)).toBe('CANCELLED')
  })

  it('is handed over by the older version of the contract as well', async () => {
    const data = [{ operationId: 'x', op: 'add', path: '/exec=1', value: { command: ['echo', 'older'] } }]
    const { body } = await producer.request('POST', '/dmi/v1/cmwriteJob?destination=', { dataProducerId: 'p', dataJobId: 'j', data })
    expect(body).toMatchObject({ dmiServiceName: 'exec', dataProducerId: 'p' })
    const job = `/dmi/v1/cmwriteJob/dataProducer/p/dataProducerJob/${(body as { subJobId: string }).subJobId}`
    await until('it is over', async () => {
      const status = await producer.request('GET', `${job}/status`)
      return (status.body as { status: string }).status === 'FINISHED'
    })
    const result = await producer.request('GET', `${job}/result?destination=`)
    const response = { operationId: 'x', statusCode: 0, result: { stdout: { text: 'older\n' } } }
    expect(result.body).toMatchObject({ data: { responses: [response] } })
  })

  it('puts all that it wrote, and the outputs that it declares, into the bucket', async () => {
    const text = 'seq 2000; mkdir -p item; echo "{}" > catalog.json; echo tif > item/a.tif; echo "{\\"n\\": 1}" > outputs.json'
    const wanted = { outputs: ['catalog.json', 'item/*'], resultFile: 'outputs.json', prefix: 'wf-{jobId}/' }
    const { result } = await producer.response(await producer.accepted('outputs', script(text, wanted)))
    const { stdout } = result
    expect(result).toMatchObject({ outputs: { n: 1 }, problem: null, stderr: { uri: null } })
    expect(result.files.map(({ uri, mediaType }) => [uri, mediaType])).toEqual([
      [`s3://${bucket}/wf-job%201/catalog.json`, 'application/json'],
      [`s3://${bucket}/wf-job%201/item/a.tif`, 'image/tiff'],
    ])
    expect({ bytes: stdout.bytes, truncated: stdout.truncated }).toEqual({ bytes: 8_893, truncated: true })
    expect(stdout.text).toMatch(/^1\n2\n[^]*bytes are left out[^]*\n1999\n2000\n$/)
    const objects = await readBucket(installation.s3, bucket, '')
    const stored = new Map(objects.map(({ key, value }) => [`s3://${bucket}/${key}`, value]))
    expect(stored.get(`s3://${bucket}/wf-job%201/item/a.tif`)).toBe('tif\n')
    expect(stored.get(stdout.uri ?? '')).toBe(Array.from({ length: 2_000 }, (_, n) => `${n + 1}\n`).join(''))
  })

  it('whose declared output is not there has failed, though it exited with 0', async () => {
    const missing = await producer.response(await producer.accepted('no-output', script('true', { outputs: ['*.tif'] })))
    expect(missing).toMatchObject({ statusCode: 108, statusMessage: 'outputs: no file matches "*.tif"' })
    const broken = await producer.response(await producer.accepted('no-json', script('echo x > r', { resultFile: 'r' })))
    expect(broken.statusMessage).toMatch('resultFile: r is not JSON')
  })
})

describe('what may not run', () => {
  it('is refused when it is submitted, with the reason, and nothing of its job runs', async () => {
    const both = [{ operationId: 1, value: script('exit 1') }, { operationId: 2, value: { command: ['rm', '-r', '/'] } }]
    const unlisted = await producer.submit('refused', both)
    const message = 'data[1].value: program "rm" is not on the list of what may run (sh, echo, greet)'
    expect(unlisted).toMatchObject({ status: 422, body: { message } })
    const huge = await producer.submit('huge', [{ operationId: 1, value: script('true', { memoryMB: 2 ** 30 }) }])
    expect(huge.status).toBe(422)
    expect((await producer.submit('odd', [{ operationId: 1, value: { comand: 'x' } }])).status).toBe(400)
    expect((await producer.request('POST', '/v1/check', { command: ['rm'] })).body).toMatchObject({ ok: false })
    expect((await producer.request('POST', '/v1/check', { command: ['echo'] })).body).toMatchObject({ ok: true, demand: { cores: 1 } })
  })

  it('keeps a producer from starting when the configuration is wrong, and all of it is said', async () => {
    const wrong = installation.spawnExecProducer('wrong', { programs: {}, jobsMax: 0, host: '0.0.0.0', shells: true })
    expect((await wrong.exited).code).toBe(2)
    expect(wrong.log().join('\n')).toMatch(/shells: there is no such field[^]*jobsMax: must be >= 1/)
    const open = installation.spawnExecProducer('open', { programs: {}, host: '0.0.0.0' })
    expect((await open.exited).code).toBe(2)
    expect(open.log().join('\n')).toMatch(/host: is "0.0.0.0", which others can reach[^]*programs: is empty/)
    const absent = installation.spawnExecProducer('absent', { programs: { x: { path: '/no/such/program' } } })
    expect((await absent.exited).code).toBe(2)
    expect(absent.log().join('\n')).toMatch('programs.x.path: "/no/such/program" is not there')
    const second = installation.spawnExecProducer('main', { programs })
    expect((await second.exited).code).toBe(2)
    expect(second.log().join('\n')).toMatch('in use by another process')
  })
})

describe('a limit', () => {
  it('of memory holds each process, and all of a command together', async () => {
    // tail keeps a line that has no end.
    const one = await producer.response(await producer.accepted('memory', script('head -c 200m /dev/zero | tail', { memoryMB: 64 })))
    expect(one).toMatchObject({ statusCode: 104, result: { reason: 'exited', exitCode: 1 } })
    const time = longTime()
    const many = `for n in 1 2 3 4; do (head -c 40m /dev/zero; sleep ${time}) | tail & done; wait`
    const together = await producer.response(await producer.accepted('memory-4', script(many, { memoryMB: 100 })))
    expect(together.statusMessage).toBe('out of memory: its processes together had more than memoryMB, 100')
    expect(together.result.peakMemoryMB).toBeGreaterThan(100)
    expect(processesWith(time)).toEqual([])
  })

  it('of time ends it and all that it has started, a daemon that hears no SIGTERM too', async () => {
    const time = longTime()
    const id = await producer.accepted('time', script(`${daemon(time)} sleep ${time}`, { timeoutSeconds: 1 }))
    const { statusMessage, result } = await producer.response(id)
    expect(statusMessage).toBe('timed out: it ran longer than timeoutSeconds, 1')
    expect(result).toMatchObject({ reason: 'timed out', exitCode: null, signal: 'SIGTERM' })
    expect(processesWith(time)).toEqual([])
  })

  it('of cores binds it to as many processors', async () => {
    const { result } = await producer.response(await producer.accepted('cores', script('nproc')))
    expect(result.stdout.text).toBe('1\n')
  })
})

describe('what a command leaves behind', () => {
  it('ends with it', async () => {
    const time = longTime()
    const { statusCode } = await producer.response(await producer.accepted('left', script(`${daemon(time)} exit 0`)))
    expect(statusCode).toBe(0)
    expect(processesWith(time)).toEqual([])
  })

  it('ends when it is cancelled, wherever it went', async () => {
    const time = longTime()
    const id = await producer.accepted('cancel', script(`${daemon(time)} sleep ${time}`), script('echo never'))
    await running(time)
    await producer.cancel(id)
    expect(await producer.over(id)).toBe('CANCELLED')
    expect(processesWith(time)).toEqual([])
    // What was not begun is not spoken of.
    expect(await producer.responses(id)).toMatchObject([{ operationId: 1, statusCode: 104, result: { reason: 'cancelled' } }])
  })
})
