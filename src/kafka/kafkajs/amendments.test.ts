import { createRequire } from 'node:module'
import { beforeAll, describe, expect, it } from 'vitest'
import { amendKafkajs } from './amendments.ts'

const require = createRequire(import.meta.url)

interface RequestQueue {
  readonly pending: unknown[]
  readonly throttleCheckTimeoutId: unknown
  scheduleCheckPendingRequests(): void
  destroy(): void
}

describe('kafkajs as amended', () => {
  beforeAll(() => {
    amendKafkajs()
  })

  it('is the version that the amendments were made for', () => {
    const { version } = require('kafkajs/package.json') as { readonly version: string }
    expect(version).toBe('2.2.4')
  })

  it('sets a timer only for a queue in which a request waits', () => {
    const Queue = require('kafkajs/src/network/requestQueue') as new (options: object) => RequestQueue
    const queue = new Queue({ logger: { debug: () => undefined } })
    queue.scheduleCheckPendingRequests()
    expect(queue.throttleCheckTimeoutId).toBeNull()
    queue.pending.push({})
    queue.scheduleCheckPendingRequests()
    expect(queue.throttleCheckTimeoutId).not.toBeNull()
    queue.destroy()
  })

  it('names the topic of a refused record', async () => {
    const { parse } = require('kafkajs/src/protocol/requests/produce/v7/response') as { parse: (answer: object) => Promise<unknown> }
    const answer = (errorCode: number): object => ({
      topics: [
        { topicName: 'fine', partitions: [{ partition: 0, errorCode: 0 }] },
        { topicName: 'narrow', partitions: [{ partition: 0, errorCode: 0 }, { partition: 1, errorCode }] },
      ],
    })
    await expect(parse(answer(10))).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE', topic: 'narrow' })
    await expect(parse(answer(0))).resolves.toEqual(answer(0))
  })

  it('asks for the end of a partition as it was acknowledged, unless a reader of committed records asks', () => {
    const { protocol } = require('kafkajs/src/protocol/requests/listOffsets') as {
      protocol: (version: object) => (request: object) => { request: { encode: () => Promise<{ buffer: Buffer }> } }
    }
    const isolationOf = async (request: object): Promise<number> => {
      const { buffer } = await protocol({ version: 3 })({ topics: [], ...request }).request.encode()
      return buffer.readInt8(4)
    }
    return expect(Promise.all([isolationOf({ isolationLevel: undefined }), isolationOf({ isolationLevel: 1 })])).resolves.toEqual([0, 1])
  })

  it('passes over an answer to a fetch without records', async () => {
    const { decode } = require('kafkajs/src/protocol/requests/fetch/v11/response') as { decode: (raw: Buffer) => Promise<unknown> }
    await expect(decode(Buffer.alloc(14))).resolves.toMatchObject({ responses: [] })
  })
})
