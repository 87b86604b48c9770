/** OGC API – Processes on a real broker and registry: what is registered and submitted there is served under its workspace. */
import { Partitioners, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Codec, createCodec } from '../../src/codec/codec.ts'
import type { ProcessRegistered } from '../../src/domain/inventory-messages.ts'
import { processKey } from '../../src/inventory/inventory.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'

interface ProcessList {
  readonly processes: readonly { readonly id: string }[]
}
interface StatusInfo {
  readonly status: string
  readonly processID: string
}

const NDVI: ProcessRegistered = {
  ...{ type: 'ProcessRegistered', tenant: 'east', id: 'ndvi', version: '1.0.0', description: '{"title":"NDVI"}', modes: ['async'] },
  ...{ executionUnit: { mediaType: 'application/cwl', text: 'cwlVersion: v1.2' }, service: 'exec', mutable: true, registeredAt: 1_000 },
}

let installation: Installation
let service: Service
let codec: Codec
let producer: Producer

beforeAll(async () => {
  const stack = givenStack()
  installation = await Installation.open('ogc', stack)
  service = await installation.service('service')
  codec = await createCodec({ url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }, { schemas: 'lookUp', clock: systemClock })
  producer = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await service.client.ready()
})

afterAll(async () => {
  await installation.close()
  await producer.disconnect()
})

async function get<Body>(path: string): Promise<Body> {
  const response = await fetch(service.client.url + path)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return await response.json() as Body
}

describe('a started service', () => {
  it('lists a process that came by the inventory topic, to its own workspace', async () => {
    const record = { key: processKey('east', 'ndvi'), value: codec.encode(NDVI) }
    await producer.send({ topic: `${installation.prefix}inventory`, messages: [record] })
    const idsOf = async (workspace: string): Promise<readonly string[]> =>
      (await get<ProcessList>(`/${workspace}/ogc-api/processes`)).processes.map(({ id }) => id)
    await expect.poll(() => idsOf('east')).toEqual(['echo', 'ndvi'])
    expect(await idsOf('west')).toEqual(['echo'])
  })

  it('shows a job that came by the command topic to its own workspace, to its end', async () => {
    const job = { jobId: 'ogc-1', tenant: 'east', dialect: 'ogc', dialectData: '{"processID":"ndvi"}' }
    const operations = [{ operationId: '1', op: 'read', path: '/nobody-answers-for-this' }]
    const value = JSON.stringify({ ...job, operations })
    await producer.send({ topic: `${installation.prefix}commands`, messages: [{ key: job.jobId, value }] })
    const status = (): Promise<StatusInfo> => get<StatusInfo>('/east/wps3/jobs/ogc-1')
    await expect.poll(status).toMatchObject({ status: 'failed', processID: 'ndvi' })
    expect((await fetch(`${service.client.url}/west/wps3/jobs/ogc-1`)).status).toBe(404)
  })
})
