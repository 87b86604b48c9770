/** Plugins that answer what the contract does not have: a clear failure of the subjob that it concerns, and of nothing else. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import {
  type Answer, dripping, drippingHeaders, endless, json, miscounted, OddPlugin, raw, type Received, torn,
} from '../harness/odd-plugin.ts'
import type { PlannedJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'

/** They end by what may be held of them or by the time that they may take, whichever comes first on the machine. */
const endlessResults: Readonly<Record<string, Answer>> = {
  'result endless in a tree': endless('{"tree":"', 'x'),
  'result endless in bytes': endless('', '\0', 'application/x-tar'),
}

const CODE = { success: 0, notResponding: 102, rejected: 104, unknown: 108 } as const
const CONTRACTS = ['dataJob', 'cmJob'] as const
const DRIP_MS = 40
// Plugins that do answer are called at the same time, by the same processes: on a busy machine they take their time, too.
const CALL_TIMEOUT_MS = 5_000
const RESULT_TIMEOUT_MS = 8_000
const WAIT_MS_MAX = 180_000
// Two results for a topic may be held, of 64 MiB each; the endless ones come faster than that in a second.
const MEMORY_BYTES_MAX = 400 * 1024 * 1024

interface Oddity {
  readonly answer: Answer
  readonly code: number
  readonly message: RegExp
}

function odd(code: number, message: RegExp, answer: Answer): Oddity {
  return { code, message, answer }
}

const page = raw('<!doctype html><p>Log in', { 'content-type': 'text/html' })
const redirect: Answer = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
const notUtf8 = Buffer.from('{"dataProducerJobId":"\xff","status":"FINISHED\xff"}', 'latin1')

/** Of a submission and of a status alike. */
const replies: Readonly<Record<string, Oddity>> = {
  'with the wrong type': odd(CODE.unknown, /has no (usable|known) /, json({ dataProducerJobId: { a: 1 }, subJobId: [], status: 7 })),
  'of another shape': odd(CODE.unknown, /has no (usable|known) /, json(['FINISHED'])),
  'with nothing in it': odd(CODE.unknown, /has no (usable|known) /, json({})),
  html: odd(CODE.unknown, /is not JSON: <!doctype html>/, page),
  empty: odd(CODE.unknown, /is not JSON: \(nothing\)/, raw('')),
  'cut off': odd(CODE.unknown, /is not JSON: \{"status"/, raw('{"status":"FINISHED"')),
  'not UTF-8': odd(CODE.unknown, /is not UTF-8/, raw(notUtf8)),
  nested: odd(CODE.unknown, /has no (usable|known) /, raw(nested)),
  endless: odd(CODE.unknown, /larger than replyBytesMax/, endless('{"status":"', 'x')),
  'dripping headers': odd(CODE.notResponding, /no answer within headersTimeoutMs, 5000/, drippingHeaders(DRIP_MS)),
  dripping: odd(CODE.notResponding, /longer than callTimeoutMs, 5000/, dripping('{"status":"FINISHED"', DRIP_MS)),
  torn: odd(CODE.notResponding, /submit|status/, torn('{"status":')),
  'announced larger': odd(CODE.notResponding, /submit|status/, miscounted('{"status":"FINISHED"}', 500)),
  'announced smaller': odd(CODE.unknown, /is not JSON: \{"sta/, miscounted('{"status":"FINISHED"}', 5)),
  redirecting: odd(CODE.rejected, /redirects are not followed/, redirect),
}

const results: Readonly<Record<string, Oddity>> = {
  html: odd(CODE.unknown, /answered HTML: <!doctype html>/, page),
  empty: odd(CODE.unknown, /The document ended/, raw('')),
  'cut off': odd(CODE.unknown, /The document ended/, raw('{"data":{"responses":[')),
  'cut off in a tree': odd(CODE.unknown, /The document ended/, raw('{"tree":')),
  'without an id': odd(CODE.unknown, /does not mention this operation/, raw('{"responses":[]}')),
  'with an id in the first only': odd(CODE.unknown, /response 1 has no operationId/, raw('[{"operationId":"x"},{"statusCode":0}]')),
  'with two places for responses': odd(CODE.unknown, /second place/, raw('{"responses":[],"data":{"responses":[]}}')),
  'not UTF-8': odd(CODE.unknown, /a response is not UTF-8/, raw(Buffer.from('[{"operationId":"\xff"}]', 'latin1'))),
  nested: odd(CODE.unknown, /nested deeper than the 1000 levels/, raw(`{"tree":${nested}}`)),
  'nested in a response': odd(CODE.unknown, /nested deeper than the 1000 levels/, raw(`[{"operationId":1,"result":${nested}}]`)),
  'endless in a response': odd(CODE.unknown, /Element 0 is larger than/, endless('[{"operationId":"', 'x')),
  'endless in spaces': odd(CODE.unknown, /after more than valueBytesMax/, endless('[', ' ')),
  'late with its responses': odd(CODE.unknown, /stands before the responses/, raw(`{"x":"${'x'.repeat(9_000_000)}","responses":[]}`)),
  'dripping headers': odd(CODE.notResponding, /no answer within headersTimeoutMs, 5000/, drippingHeaders(DRIP_MS)),
  dripping: odd(CODE.unknown, /longer than resultTimeoutMs, 8000/, dripping('[', DRIP_MS)),
  torn: odd(CODE.notResponding, /result/, torn('[{"operationId":')),
  'announced larger': odd(CODE.notResponding, /result/, miscounted('[]', 500)),
  redirecting: odd(CODE.rejected, /redirects are not followed/, redirect),
}

/** Spellings that there are: no failures. */
const spellings: Readonly<Record<string, Oddity>> = Object.fromEntries(
  ['finished', 'Finished', 'FINSHED', 'finshed', 'PARTIALLY_FAILED', 'failed', 'CANCELLED'].flatMap((status) => [
    [`status ${status}`, odd(CODE.success, /^Successfully/, json({ status }))],
    [`status as dataProducerJobStatus ${status}`, odd(CODE.success, /^Successfully/, json({ dataProducerJobStatus: status }))],
  ]),
)

function about(call: string, oddities: Readonly<Record<string, Oddity>>): Readonly<Record<string, Oddity>> {
  return Object.fromEntries(Object.entries(oddities).map(([name, oddity]) => [`${call} ${name}`, oddity]))
}

const ODD_JSON = '{ "a" : 1.0,"b":1e3, "c":-0, "n":123456789012345678901234567890,"a":[ 1 ,2 ],"t":"\\u00e9\\/é\\ud83d" }'
const ODD_RESULT = `{"data" : {"responses":[ {"operationId":7, "statusCode":0,"result":${ODD_JSON}}\n],"more":1.50}}\n`

const unknownStatus = odd(CODE.unknown, /no known status/, json({ status: 'DONE' }))
const oddities: Readonly<Record<string, Oddity>> = {
  ...about('submit', replies),
  ...about('status', { ...replies, 'of an unknown word': unknownStatus }),
  ...about('result', results),
  ...spellings,
  'result spelled oddly': odd(CODE.unknown, /does not mention this operation/, raw(ODD_RESULT)),
  'result larger than any event': odd(CODE.success, /^Successfully/, raw(JSON.stringify({ tree: 'x'.repeat(20_000_000) }))),
  'result of another type': odd(CODE.success, /^Successfully/, raw('a;b\n', { 'content-type': 'text/csv' })),
  'all is well': odd(CODE.success, /^Successfully/, json({})),
}

let installation: Installation
let service: Service
let log: TopicLog
let plugin: OddPlugin

beforeAll(async () => {
  installation = await Installation.open('odd', givenStack(), {
    DATAJOB_ATTEMPTS_MAX: '2',
    DATAJOB_CALL_FAILURES_MAX: '2',
    DATAJOB_RETRY_DELAY_MIN_MS: '10',
    DATAJOB_RETRY_DELAY_MAX_MS: '50',
    DATAJOB_CALL_TIMEOUT_MS: String(CALL_TIMEOUT_MS),
    DATAJOB_RESULT_TIMEOUT_MS: String(RESULT_TIMEOUT_MS),
  })
  const answers = Object.entries(oddities).map(([name, { answer }]) => [name, answer] as const)
  plugin = await OddPlugin.start({ ...Object.fromEntries(answers), ...endlessResults })
  service = await installation.service('service')
  await service.client.ready()
  for (const contract of CONTRACTS) {
    await service.client.request('PUT', `/ncmpInventory/v1/dmi/odd-${contract}`, { body: { baseUrl: plugin.url, contract } })
    await service.client.registerHandles(`odd-${contract}`, Object.keys({ ...oddities, ...endlessResults }).map((name) => ({
      ...{ cmHandle: `${contract} ${name}`, alternateId: pathOf(contract, name), dataProducerIdentifier: name },
    })))
  }
  log = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
  await plugin.close()
})

function pathOf(contract: string, name: string): string {
  return `/Contract=${contract}/Case=${name.replaceAll(/\W/g, '-')}`
}

/** An operation for each oddity, each of them a subjob. */
function oddJob(contract: string): PlannedJob {
  const operations = Object.entries(oddities).map(([name, { code }]) => {
    return { operationId: name, op: 'read' as const, path: pathOf(contract, name), code, service: `odd-${contract}` }
  })
  return { jobId: `odd-${randomUUID()}`, kind: 'READ', destination: `kafka:${log.topic}`, operations }
}

async function memoryBytes(): Promise<number> {
  const { body } = await service.client.request('GET', '/metrics')
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(String(body))?.[1])
}

describe.each(CONTRACTS)('whatever a plugin of the contract %s answers', (contract) => {
  it('its subjob ends in time and in little memory, with a code and a reason, and no other is touched', async () => {
    const job = oddJob(contract)
    const before = await memoryBytes()
    const data = job.operations.map(({ operationId, op, path }) => ({ operationId, op, path }))
    await service.client.submit({ jobId: job.jobId, data }, {}, job.destination)
    const ended = await service.client.ended(job.jobId, WAIT_MS_MAX)
    expect(ended.status).toBe('PARTIALLY_FAILED')
    expect(ended.counts.subjobs.total).toBe(Object.keys(oddities).length)
    expect((await memoryBytes()) - before).toBeLessThan(MEMORY_BYTES_MAX)
    const records = await log.settled()
    expect(checkTopic(job, records)).toEqual([])
    const own = records.filter(({ headers }) => headers['ce_correlationid'] === job.jobId)
    const said = new Map(own.flatMap(({ value }) => responsesIn(value)).map((each) => [each.operationId, each.statusMessage]))
    for (const [name, { message }] of Object.entries(oddities)) expect(`${name}: ${said.get(name)}`).toMatch(pattern(name, message))
  }, 2 * WAIT_MS_MAX)
})

describe('a result without end, for a topic', () => {
  it.each(Object.keys(endlessResults))('ends as a failure, and is not held: %s', async (name) => {
    const before = await memoryBytes()
    const jobId = `endless-${randomUUID()}`
    const data = [{ operationId: name, op: 'read', path: pathOf('dataJob', name) }]
    await service.client.submit({ jobId, data }, {}, `kafka:${log.topic}`)
    const ended = await service.client.ended(jobId, WAIT_MS_MAX)
    expect(ended.status).toBe('FAILED')
    expect(ended.message).toMatch(/more than the 67108864 bytes|longer than resultTimeoutMs/)
    expect((await memoryBytes()) - before).toBeLessThan(MEMORY_BYTES_MAX)
  }, 2 * WAIT_MS_MAX)
})

describe.each(CONTRACTS)('to a plugin of the contract %s', (contract) => {
  const ODD_TEXT = 'p q/ü#?%25&=+'
  const ENCODED = 'p%20q%2F%C3%BC%23%3F%2525%26%3D%2B'

  function requestsOf(jobId: string): Received[] {
    return plugin.received.filter(({ url, body }) => url.includes(encodeURIComponent(jobId)) || body.includes(JSON.stringify(jobId)))
  }

  async function submitText(text: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const url = `${service.client.url}/ranoam/cm/v1/dataJob?destination=${encodeURIComponent(`kafka:${log.topic}`)}`
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: text })
    expect(await answer.text()).toContain('NOT_STARTED')
  }

  async function eventsOf(jobId: string): Promise<readonly string[]> {
    await service.client.ended(jobId)
    const own = (await log.settled()).filter(({ headers }) => headers['ce_correlationid'] === jobId)
    return own.map(({ value }) => String(value))
  }

  it('a value goes byte for byte, and so do its answers to the client', async () => {
    const jobId = `spelling-${randomUUID()}`
    const path = pathOf(contract, 'result spelled oddly')
    await submitText(`{"jobId":"${jobId}","data":[{"op":"merge","path":"${path}","operationId":7,"value": ${ODD_JSON} }]}`)
    expect((await eventsOf(jobId))[0]).toBe(ODD_RESULT)
    expect(requestsOf(jobId).find(({ method }) => method === 'POST')?.body).toContain(`"value":${ODD_JSON},"operationId":7}`)
  })

  it('ids go percent-encoded, whatever is in them', async () => {
    const jobId = `${ODD_TEXT} ${randomUUID()}`
    const cmHandle = `${contract} odd id`
    const handle = { cmHandle, alternateId: pathOf(contract, 'odd-id'), dataProducerIdentifier: ODD_TEXT }
    await service.client.registerHandles(`odd-${contract}`, [handle])
    const operation = { op: 'read', path: handle.alternateId, operationId: ODD_TEXT }
    await submitText(JSON.stringify({ jobId, data: [operation] }))
    expect((await eventsOf(jobId))[0]).toContain(`"operationId":${JSON.stringify(ODD_TEXT)},"statusCode":0`)
    const job = encodeURIComponent(jobId)
    const [submitted, ...others] = requestsOf(jobId)
    expect(JSON.parse(submitted?.body ?? '')).toMatchObject({ dataJobId: jobId, dataProducerId: ODD_TEXT, data: [operation] })
    const asked = plugin.received.filter(({ method, url }) => method === 'GET' && url.includes(ENCODED)).map(({ url }) => url)
    if (contract === 'dataJob') {
      expect(submitted?.url).toBe(`/dmi/v1/dataJob/${job}/readJob?destination=${log.topic}`)
      expect(others[0]?.url).toMatch(`/dmi/v1/dataJob/${job}/dataProducerJob/${ENCODED}%20`)
      expect(others[0]?.url).toMatch(`/status?dataProducerId=${ENCODED}`)
    } else {
      expect(submitted?.url).toBe(`/dmi/v1/cmreadJob?destination=${log.topic}`)
      const own = `/dmi/v1/cmwriteJob/dataProducer/${ENCODED}/dataProducerJob/${ENCODED}%20`
      expect(asked.filter((url) => url.startsWith(own)).map((url) => url.replace(/^.*\//, ''))).toContain(`result?destination=${log.topic}`)
    }
  })

  it("the service's own credentials go, and without any nothing: never a client's basic ones", async () => {
    const operation = { op: 'read', path: pathOf(contract, 'all is well'), operationId: 1 }
    const withoutAny = `plain-${randomUUID()}`
    const basic = { authorization: `Basic ${Buffer.from('client:secret').toString('base64')}` }
    await submitText(JSON.stringify({ jobId: withoutAny, data: [operation] }), basic)
    await eventsOf(withoutAny)
    expect(requestsOf(withoutAny).map(({ headers }) => headers.authorization)).toContain(undefined)
    expect(requestsOf(withoutAny).every(({ headers }) => headers.authorization === undefined)).toBe(true)

    const body = { baseUrl: plugin.url, contract, auth: { type: 'basic', username: 'us', password: 'pä:ss' } }
    await service.client.request('PUT', `/ncmpInventory/v1/dmi/odd-${contract}`, { body })
    const withSome = `basic-${randomUUID()}`
    await submitText(JSON.stringify({ jobId: withSome, data: [operation] }), basic)
    await eventsOf(withSome)
    const expected = `Basic ${Buffer.from('us:pä:ss').toString('base64')}`
    expect(new Set(requestsOf(withSome).map(({ headers }) => headers.authorization))).toEqual(new Set([expected]))
  })
})

/** The same for a text that begins with the name. */
function pattern(name: string, { source }: RegExp): RegExp {
  const rest = source.startsWith('^') ? source.slice(1) : `.*(?:${source})`
  return new RegExp(`^${name}: ${rest}`)
}

function responsesIn(value: Buffer | null): readonly { readonly operationId: string; readonly statusMessage: string }[] {
  const { data } = JSON.parse(String(value)) as { data: { responses?: [] } }
  return data.responses ?? []
}
