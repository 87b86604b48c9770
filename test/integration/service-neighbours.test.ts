/** What hangs holds back nobody but itself: few calls are allowed at a time here, and those that hang would take them all. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, handlesOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

// Less than the 30 s after which a silent server is given up.
const SOON_MS = 20_000

let installation: Installation
let service: Service
let results: TopicLog
let silentStore: Server
const servers: Server[] = []

beforeAll(async () => {
  silentStore = await listening(createServer(() => undefined))
  installation = await Installation.open('neighbours', givenStack(), {
    DATAJOB_CALLS_IN_FLIGHT_MAX: '16',
    DATAJOB_RESULTS_IN_FLIGHT_MAX: '8',
    DATAJOB_SUBJOB_OPERATIONS_MAX: '1',
    DATAJOB_S3_ENDPOINT: urlOf(silentStore),
  })
  service = await installation.service('service')
  await service.client.ready()
  await installation.network(service.client, 'lively')
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
  for (const server of servers) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listening(server: Server): Promise<Server> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function planned(name: string, operations: number, destination = `kafka:${results.topic}`): PlannedJob {
  return planJob({ kind: 'READ', destination, services: [name], operations })
}

async function submit(job: PlannedJob): Promise<void> {
  expect((await service.client.submit(bodyOf(job), {}, job.destination)).status).toBe(202)
}

async function expectLively(): Promise<void> {
  const job = planned('lively', 20)
  await submit(job)
  expect((await service.client.ended(job.jobId, SOON_MS)).status).toBe('FINISHED')
  expect(checkTopic(job, await results.settled())).toEqual([])
}

describe('beside work that hangs', () => {
  it('in a producer that does not answer, others are called', async () => {
    const producer = await installation.network(service.client, 'silent')
    producer.child.signal('SIGSTOP')
    try {
      await submit(planned('silent', 100))
      await expectLively()
    } finally {
      await producer.child.kill()
    }
  })

  it('in a result that does not end, other results are published', async () => {
    let begun = 0
    const endless = await listening(
      createServer((request, response) => {
        request.resume()
        const isResult = request.url?.includes('/result') === true
        response.writeHead(200, { 'content-type': 'application/json' })
        if (!isResult) response.end(JSON.stringify(request.method === 'POST' ? { dataProducerJobId: 'id' } : { status: 'FINISHED' }))
        else response.write('{"data":{"responses":[')
        begun += isResult ? 1 : 0
      }),
    )
    await service.client.registerService('endless', urlOf(endless))
    await service.client.registerHandles('endless', handlesOf('endless'))
    await submit(planned('endless', 60))
    await until('results are on their way', () => begun > 0)
    await expectLively()
  })

  it('in an object store that does not answer, results go to topics', async () => {
    let asked = 0
    silentStore.on('request', () => {
      asked += 1
    })
    const producer = installation.kafka.producer()
    await producer.connect()
    const { jobId, operations } = planned('lively', 60, 's3:any-bucket')
    const wanted = operations.map(({ operationId, op, path }) => ({ operationId, op, path }))
    const value = JSON.stringify({ jobId, destination: 's3:any-bucket', operations: wanted })
    await producer.send({ topic: `${installation.prefix}commands`, acks: -1, messages: [{ key: jobId, value }] })
    await producer.disconnect()
    await until('objects are on their way', () => asked > 0)
    await expectLively()
  })
})
