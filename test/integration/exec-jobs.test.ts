/** Commands as data jobs: from a client's request through the service and an exec producer to a topic and a bucket. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { choosePorts } from '../../stack/ports.ts'
import { type ExecProducerProcess, type ExecResponse, processesWith } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const programs = { sh: { path: '/bin/sh', shell: true }, echo: { path: '/bin/echo' } }
const config = { programs, killGraceSeconds: 1, stopSeconds: 0 }
const time = `92000.${process.pid}`

let installation: Installation
let service: Service
let producer: ExecProducerProcess
let log: TopicLog
let port: number | undefined

beforeAll(async () => {
  installation = await Installation.open('exec-jobs', givenStack(), {
    ...{ DATAJOB_POLL_DELAY_MAX_MS: '200', DATAJOB_RETRY_DELAY_MIN_MS: '50' },
    // With waits that short, the eight calls that end an attempt can have failed before a producer that was killed is back.
    DATAJOB_CALL_FAILURES_MAX: '1000',
  })
  service = await installation.service('service')
  // One that it can have again: the system gives it to nobody else.
  ;[port] = await choosePorts([undefined])
  producer = await installation.execProducer('exec', { ...config, port })
  await service.client.ready()
  await service.client.registerService('exec', producer.url)
  const handles = ['a', 'b'].map((name) => ({ cmHandle: name, alternateId: `/exec=${name}`, dataProducerIdentifier: name }))
  await service.client.registerHandles('exec', handles)
  log = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

async function submitted(...operations: readonly (readonly [path: string, value: object])[]): Promise<string> {
  const jobId = `exec-${randomUUID()}`
  const data = operations.map(([path, value], at) => ({ op: 'action', path, operationId: at + 1, value }))
  const { status, body } = await service.client.submit({ jobId, data }, {}, `kafka:${log.topic}`)
  expect(`${status} ${JSON.stringify(body)}`).toMatch(/^202 /)
  return jobId
}

/** What the topic says of each of its operations. */
async function responsesTo(jobId: string): Promise<readonly ExecResponse[]> {
  const own = (await log.settled()).filter(({ headers }) => headers['ce_correlationid'] === jobId)
  const responses = own.flatMap(({ value }) => (JSON.parse(String(value)) as { data: { responses?: ExecResponse[] } }).data.responses ?? [])
  return responses.sort((one, other) => Number(one.operationId) - Number(other.operationId))
}

describe('a job of commands', () => {
  it('runs at its producer, and what each operation wrote is on the topic', async () => {
    const jobId = await submitted(
      ['/exec=a', { command: ['echo', 'hello'] }],
      ['/exec=a#run', { input: { command: ['sh', 'echo "$DATAJOB_JOB_ID" >&2; exit 4'] } }],
    )
    expect((await service.client.ended(jobId)).status).toBe('PARTIALLY_FAILED')
    expect(await responsesTo(jobId)).toMatchObject([
      { operationId: 1, statusCode: 0, result: { exitCode: 0, stdout: { text: 'hello\n' } } },
      { operationId: 2, statusCode: 104, statusMessage: 'exited with 4', result: { stderr: { text: `${jobId}\n` } } },
    ])
  })

  it('fails where it asks for what may not run, with the reason, and elsewhere goes on', async () => {
    const jobId = await submitted(['/exec=a', { command: ['rm', '-r', '/'] }], ['/exec=b', { command: ['echo', 'fine'] }])
    expect((await service.client.ended(jobId)).status).toBe('PARTIALLY_FAILED')
    const [refused, fine] = await responsesTo(jobId)
    expect(refused?.statusMessage).toMatch('is not on the list of what may run (sh, echo)')
    expect(fine).toMatchObject({ operationId: 2, statusCode: 0 })
  })

  it('that is cancelled ends its command, and all that it has started', async () => {
    const jobId = await submitted(['/exec=a', { command: ['sh', `(setsid sleep ${time} &); sleep ${time}`] }])
    await until('both run', () => processesWith(time).length === 2)
    await service.client.request('DELETE', `/ranoam/cm/v1/dataJob/${jobId}`)
    expect((await service.client.ended(jobId)).status).toBe('CANCELLED')
    expect(processesWith(time)).toEqual([])
    expect(await responsesTo(jobId)).toMatchObject([{ operationId: 1, statusCode: 104, result: { reason: 'cancelled' } }])
  })

  it('comes to its end when the producer is killed in the middle, and done commands are not done again', async () => {
    const folder = installation.folder
    const first = { command: ['sh', `echo run >> ${folder}/first`] }
    const second = { command: ['sh', `echo run >> ${folder}/second; [ "$DATAJOB_ATTEMPT" = 1 ] || exit 0; exec sleep ${time}`] }
    const jobId = await submitted(['/exec=a', first], ['/exec=a', second])
    await until('the second runs', () => processesWith(time).length === 1)
    await producer.child.kill()
    producer = await installation.execProducer('exec', { ...config, port })
    expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    const { result } = (await responsesTo(jobId))[1] ?? {}
    expect(result).toMatchObject({ attempt: 2, exitCode: 0 })
    const runs = ['first', 'second'].map((name) => readFileSync(join(folder, name), 'utf8').split('\n').length - 1)
    expect(runs).toEqual([1, 2])
  })
})
