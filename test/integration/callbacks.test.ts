/** Callbacks of executions to a real receiver: their order and contents, failures, guards, and a kill in the middle. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CallbackReceiver } from '../harness/callback-receiver.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const SECRET = 'a secret of the installation, long enough'.replaceAll(' ', '-')

let receiver: CallbackReceiver
let installation: Installation
let service: Service
let deadLetters: TopicLog

beforeAll(async () => {
  receiver = await CallbackReceiver.open(SECRET)
  installation = await Installation.open('callbacks', givenStack(), {
    ...{ DATAJOB_CALLBACK_ALLOWED_ADDRESSES: '127.0.0.1', DATAJOB_CALLBACK_SECRET: SECRET },
    ...{ DATAJOB_CALLBACK_DELAY_MIN_MS: '50', DATAJOB_CALLBACK_DELAY_MAX_MS: '500' },
  })
  service = await installation.service('service')
  await service.client.ready()
  deadLetters = await installation.follow(`${installation.prefix}dead-letters`)
})

afterAll(async () => {
  await installation.close()
  await receiver.close()
})

type Subscriber = Readonly<Record<string, string>>

function execute(inputs: object, subscriber: Subscriber): Promise<Response> {
  return fetch(`${service.client.url}/east/ogc-api/processes/echo/execution`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify({ inputs, response: 'document', subscriber }),
  })
}

async function started(inputs: object, subscriber: Subscriber): Promise<string> {
  const answer = await execute(inputs, subscriber)
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { readonly jobID: string }).jobID
}

/** An address for one job, that all it is called back with goes to. */
function subscriberAt(path: string): Subscriber {
  const url = `${receiver.url}${path}`
  return { successUri: url, inProgressUri: url, failedUri: url }
}

const path = (): string => `/${randomUUID()}`

describe('the subscriber of an execution', () => {
  it('is told that it runs, and then its results, signed', async () => {
    const here = path()
    const jobId = await started({ string: 'x', pause: 0.2 }, subscriberAt(here))
    await until('two callbacks', () => receiver.at(here).length === 2)
    const [running, ended] = receiver.at(here)
    const href = `${service.client.url}/east/ogc-api/jobs/${jobId}`
    expect(running?.body).toMatchObject({ jobID: jobId, processID: 'echo', status: 'running', links: [{ rel: 'status', href }] })
    expect(ended?.body).toEqual({ string: 'x' })
    expect(receiver.at(here).map(({ isSigned }) => isSigned)).toEqual([true, true])
    expect(running?.id).not.toBe(ended?.id)
  })

  it('is told by an exception that the execution was dismissed', async () => {
    const here = path()
    const jobId = await started({ string: 'x', pause: 3_600 }, subscriberAt(here))
    await until('it runs', () => receiver.at(here).length === 1)
    await fetch(`${service.client.url}/east/ogc-api/jobs/${jobId}`, { method: 'DELETE' })
    await until('two callbacks', () => receiver.at(here).length === 2)
    expect(receiver.at(here)[1]?.body).toMatchObject({ status: 410, detail: expect.stringContaining('was dismissed') as string })
  })
})

describe('the example of a receiver', () => {
  it('prints what it was told, and takes nothing from who has another secret', async () => {
    const program = join(import.meta.dirname, '../../examples/receive-callbacks.ts')
    const env = { PATH: process.env['PATH'], DATAJOB_CALLBACK_SECRET: SECRET }
    const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const url = String((await lines.next()).value)
      await started({ string: 'told' }, { successUri: `${url}/done` })
      expect(await lines.next()).toMatchObject({ value: '{"string":"told"}' })
      const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': String(Math.floor(Date.now() / 1_000)), 'webhook-signature': 'v1,AAAA' }
      expect((await fetch(url, { method: 'POST', headers, body: '{}' })).status).toBe(401)
    } finally {
      child.kill()
    }
  })
})

describe('a callback', () => {
  it('that fails is tried again under the same id, and the next one waits for it', async () => {
    const here = path()
    receiver.answer = (to, before) => ({ status: to === here && before < 3 ? 503 : 200 })
    await started({ string: 'x' }, subscriberAt(here))
    await until('five calls', () => receiver.at(here).length === 5)
    const [first, ...others] = receiver.at(here)
    expect(others.slice(0, 3).map(({ id }) => id)).toEqual([first?.id, first?.id, first?.id])
    expect(others.map(({ status }) => status)).toEqual([503, 503, 200, 200])
    expect(others[3]?.body).toEqual({ string: 'x' })
  })

  it('that is redirected is a dead letter with its notice, and the next one is delivered', async () => {
    const here = path()
    const elsewhere = path()
    const headers = { location: `${receiver.url}${elsewhere}` }
    receiver.answer = (to, before) => (to === here && before === 0 ? { status: 307, headers } : { status: 200 })
    const jobId = await started({ string: 'x' }, subscriberAt(here))
    await until('both were sent', () => receiver.at(here).length === 2)
    await deadLetters.until('the letter', (records) => records.some(({ key }) => key === jobId))
    const letter = deadLetters.records.find(({ key }) => key === jobId)
    expect(letter?.headers).toMatchObject({
      datajob_stage: 'notifier',
      datajob_origin_topic: `${installation.prefix}callbacks`,
      datajob_cause: `callback ${jobId}/1/inProgressUri: it answered 307, and redirects are not followed`,
    })
    expect(receiver.at(elsewhere)).toEqual([])
  })

  it.each(['http://127.0.0.2/', 'http://169.254.169.254/latest', 'http://[::1]/', 'http://10.0.0.1/', 'http://[::ffff:10.0.0.1]/'])(
    'to %s is refused before there is a job',
    async (successUri) => {
      const answer = await execute({ string: 'x' }, { successUri })
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('subscriber.successUri: ') as string })
    },
  )

  it.each(['ftp://example.org/', 'http://user:secret@example.org/', 'nonsense'])('to %s is refused as no address', async (successUri) => {
    expect((await execute({ string: 'x' }, { successUri })).status).toBe(400)
  })

  it('is not lost when the service is killed while its receiver fails', async () => {
    const paths = Array.from({ length: 5 }, path)
    let isAway = true
    receiver.answer = () => ({ status: isAway ? 503 : 200 })
    const jobIds = await Promise.all(paths.map((each) => started({ string: each }, subscriberAt(each))))
    await until('all were tried', () => paths.every((each) => receiver.at(each).length > 0))
    await service.child.kill()
    isAway = false
    service = await installation.service('service')
    await until('all are told the end', () => paths.every((each) => told(each).length === 2), 60_000)
    expect(paths.map((each) => told(each)[1]?.body)).toEqual(paths.map((each) => ({ string: each })))
    expect(new Set(paths.flatMap(told).map(({ id }) => id)).size).toBe(2 * jobIds.length)
  }, 120_000)
})

/** What a path was told: each callback once, in the order in which they first came. */
function told(here: string): readonly { readonly id: string; readonly body: unknown }[] {
  const delivered = receiver.at(here).filter(({ status }) => status === 200)
  return [...new Map(delivered.map((each) => [each.id, each])).values()]
}
