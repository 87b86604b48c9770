import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FrameReader } from './kafka-frames.ts'
import { KafkaProxy } from './kafka-proxy.ts'
import { until } from './until.ts'

const END_TXN = 26
const METADATA = 3
const FIND_COORDINATOR = 10

let server: Server
let proxy: KafkaProxy
let port: number
/** What the broker was asked, and what it says: by default, nothing but the correlation id. */
let received: number[]
let answer: () => Buffer
const sockets: Socket[] = []

function frame(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length), body])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function text(value: string | null): Buffer {
  return value === null ? int16(-1) : Buffer.concat([int16(value.length), Buffer.from(value)])
}

function request(apiKey: number, correlationId: number, version = 1): Buffer {
  return frame(int16(apiKey), int16(version), int32(correlationId), text('client'), Buffer.from('body'))
}

class Client {
  readonly socket: Socket
  readonly answers: Buffer[] = []
  isReset = false

  constructor() {
    const reader = new FrameReader()
    this.socket = connect(Number(proxy.brokers.split(':')[1]), '127.0.0.1')
    this.socket.on('data', (chunk) => this.answers.push(...reader.read(chunk)))
    this.socket.on('error', () => {
      this.isReset = true
    })
    sockets.push(this.socket)
  }

  get answered(): readonly number[] {
    return this.answers.map((each) => each.readInt32BE(4))
  }
}

beforeEach(async () => {
  received = []
  answer = () => Buffer.alloc(0)
  server = createServer((socket) => {
    sockets.push(socket)
    const reader = new FrameReader()
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      for (const each of reader.read(chunk)) {
        received.push(each.readInt32BE(8))
        socket.write(frame(each.subarray(8, 12), answer()))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  proxy = await KafkaProxy.start(`127.0.0.1:${port}`)
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await proxy.close()
  server.close()
})

describe('what becomes of an answer', () => {
  it('lost: the broker has done it, and the connection goes on', async () => {
    const rule = proxy.rule({ apis: ['EndTxn'], fate: 'lost', times: 1 })
    const client = new Client()
    for (const id of [1, 2]) client.socket.write(request(END_TXN, id))
    await until('the second is answered', () => client.answers.length > 0)
    expect([received, client.answered, client.isReset, rule.hits]).toEqual([[1, 2], [2], false, 1])
  })

  it('reset: the broker has done it, and the connection is gone', async () => {
    const rule = proxy.rule({ apis: ['EndTxn'], fate: 'reset' })
    const client = new Client()
    client.socket.write(request(END_TXN, 1))
    await until('the client is told', () => client.isReset)
    expect([received, client.answered, rule.hits]).toEqual([[1], [], 1])
  })

  it('delayed: it comes later, and in its order', async () => {
    proxy.rule({ apis: ['EndTxn'], fate: { delayMs: 80 }, times: 1 })
    const client = new Client()
    const began = performance.now()
    for (const id of [1, 2]) client.socket.write(request(END_TXN, id))
    await until('both are answered', () => client.answers.length === 2)
    expect(client.answered).toEqual([1, 2])
    expect(performance.now() - began).toBeGreaterThan(79)
  })

  it('is as ever for other requests, and for all once the rule has ended', async () => {
    const rule = proxy.rule({ apis: ['EndTxn'], fate: 'lost' })
    const client = new Client()
    client.socket.write(request(0, 1))
    client.socket.write(request(END_TXN, 2))
    await until('both have come', () => received.length === 2)
    rule.end()
    client.socket.write(request(END_TXN, 3))
    await until('the last is answered', () => client.answers.length === 2)
    expect(client.answered).toEqual([1, 3])
  })
})

describe('addresses', () => {
  const broker = (): Buffer => Buffer.concat([int32(7), text('127.0.0.1'), int32(port)])
  const here = (): Buffer => Buffer.concat([int32(7), text('127.0.0.1'), int32(Number(proxy.brokers.split(':')[1]))])

  async function asked(apiKey: number, version: number): Promise<Buffer> {
    const client = new Client()
    client.socket.write(request(apiKey, 1, version))
    await until('it is answered, or reset', () => client.answers.length > 0 || client.isReset)
    return client.answers[0]?.subarray(8) ?? Buffer.alloc(0)
  }

  it.each([0, 1, 6])('of brokers in version %i of Metadata are those of the proxy', async (version) => {
    const rest = Buffer.concat([...(version >= 1 ? [text('rack')] : []), Buffer.from('the topics')])
    const begins = Buffer.concat([...(version >= 3 ? [int32(0)] : []), int32(1)])
    answer = () => Buffer.concat([begins, broker(), rest])
    expect(await asked(METADATA, version)).toEqual(Buffer.concat([begins, here(), rest]))
  })

  it('of brokers in a version with lengths of one byte and tagged fields are those of the proxy', async () => {
    const compact = (value: string): Buffer => Buffer.concat([Buffer.from([value.length + 1]), Buffer.from(value)])
    const tags = Buffer.from([1, 200, 1, 3, 1, 2, 3])
    const broker = (at: number): Buffer => Buffer.concat([int32(7), compact('127.0.0.1'), int32(at), compact('rack'), tags])
    const metadata = (at: number): Buffer => Buffer.concat([tags, int32(0), Buffer.from([2]), broker(at), Buffer.from('rest')])
    answer = () => metadata(port)
    expect(await asked(METADATA, 10)).toEqual(metadata(Number(proxy.brokers.split(':')[1])))
  })

  it.each([0, 2])('of a coordinator in version %i are those of the proxy', async (version) => {
    const begins = version === 0 ? int16(0) : Buffer.concat([int32(0), int16(0), text(null)])
    answer = () => Buffer.concat([begins, broker()])
    expect(await asked(FIND_COORDINATOR, version)).toEqual(Buffer.concat([begins, here()]))
  })

  it('are left alone where there are none', async () => {
    const none = Buffer.concat([int32(0), int16(15), text(null), int32(-1), text(''), int32(-1)])
    answer = () => none
    expect(await asked(FIND_COORDINATOR, 2)).toEqual(none)
  })

  it('of a version that is not understood are told to nobody', async () => {
    expect(await asked(METADATA, 13)).toEqual(Buffer.alloc(0))
    expect(proxy.problems).toEqual(['Error: version 13 of Metadata is not understood'])
  })

  it('of a broker that nobody has named are told to nobody', async () => {
    answer = () => Buffer.concat([int32(1), int32(7), text('elsewhere'), int32(1), text(null)])
    expect(await asked(METADATA, 1)).toEqual(Buffer.alloc(0))
    expect(proxy.problems).toEqual(['Error: the proxy does not know the broker at elsewhere:1'])
  })
})
