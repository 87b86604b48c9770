import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { amendKafkajs } from './amendments.ts'

const require = createRequire(import.meta.url)

interface Connection {
  connect(): Promise<unknown>
  disconnect(): Promise<unknown>
  isConnected(): boolean
  send(request: object): Promise<unknown>
}

type ConnectionClass = new (options: object) => Connection
type EncoderClass = new () => object
type BrokerClass = new (options: object) => { connect(): Promise<void> }

const REQUEST_TIMEOUT_MS = 150
const logger = { namespace: () => logger, debug: () => undefined, error: () => undefined, warn: () => undefined }

/** A peer that takes connections; what it does with what comes, a test decides. */
class Peer {
  readonly sockets: Socket[] = []
  readonly #server: Server
  answer: (request: Buffer, socket: Socket) => void = () => undefined
  #heard: (() => void) | undefined

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.sockets.push(socket)
      socket.on('error', () => undefined)
      socket.on('end', () => this.#heard?.())
      socket.on('data', (data) => {
        this.answer(data, socket)
      })
      this.#heard?.()
    })
  }

  static async open(): Promise<Peer> {
    const server = createServer({ allowHalfOpen: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Peer(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function connectionTo(peer: Peer): Connection {
  const Class = require('kafkajs/src/network/connection') as ConnectionClass
  return new Class({ ...optionsFor(peer), logger })
}

function optionsFor(peer: Peer): object {
  const createSocketFactory = require('kafkajs/src/network/socketFactory') as () => object
  return {
    ...{ host: '127.0.0.1', port: peer.port, clientId: 'test', logger, socketFactory: createSocketFactory() },
    ...{ connectionTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, enforceRequestTimeout: true },
  }
}

/** A request of the protocol whose answer is whatever follows the correlation id. */
function question(): object {
  const Encoder = require('kafkajs/src/protocol/encoder') as EncoderClass
  return {
    request: { apiKey: 18, apiVersion: 0, apiName: 'Question', encode: () => Promise.resolve(new Encoder()) },
    response: { decode: (raw: Buffer) => Promise.resolve({ raw }), parse: ({ raw }: { raw: Buffer }) => Promise.resolve(raw.toString()) },
  }
}

function answerTo(request: Buffer, text: string): Buffer {
  const correlationId = request.readInt32BE(8)
  const answer = Buffer.alloc(8 + text.length)
  answer.writeInt32BE(4 + text.length, 0)
  answer.writeInt32BE(correlationId, 4)
  answer.write(text, 8)
  return answer
}

describe('a connection of kafkajs as amended', () => {
  let peer: Peer
  let connection: Connection

  beforeAll(() => {
    amendKafkajs()
  })

  beforeEach(async () => {
    peer = await Peer.open()
    connection = connectionTo(peer)
  })

  afterEach(async () => {
    await connection.disconnect()
    await peer.close()
  })

  it('is closed when an answer does not come, so that the next request does not wait on it as well', async () => {
    await connection.connect()
    await expect(connection.send(question())).rejects.toThrow('timed out')
    expect(connection.isConnected()).toBe(false)
    await peer.until(() => peer.sockets[0]?.readableEnded === true)
    peer.answer = (request, socket) => socket.write(answerTo(request, 'anew'))
    await connection.connect()
    expect(await connection.send(question())).toBe('anew')
  })

  it('fails as a closed one does when an answer does not come, so that kafkajs asks who leads now', async () => {
    await connection.connect()
    const failure = { name: 'KafkaJSConnectionClosedError', host: '127.0.0.1', port: peer.port, retriable: true }
    await expect(connection.send(question())).rejects.toMatchObject(failure)
  })

  it('reads answers from their beginning, though it broke off in the middle of one before', async () => {
    peer.answer = (request, socket) => {
      socket.end(answerTo(request, 'half of this is lost').subarray(0, 18))
    }
    await connection.connect()
    await expect(connection.send(question())).rejects.toThrow('Closed connection')
    peer.answer = (request, socket) => socket.write(answerTo(request, 'whole'))
    await connection.connect()
    expect(await connection.send(question())).toBe('whole')
  })

  it('is opened once by all who need it at the same time', async () => {
    await Promise.all([connection.connect(), connection.connect(), connection.connect()])
    peer.answer = (request, socket) => socket.write(answerTo(request, 'here'))
    expect(await connection.send(question())).toBe('here')
    expect(peer.sockets).toHaveLength(1)
  })

  it('is not ended by the end of the one before it', async () => {
    await connection.connect()
    await connection.disconnect()
    await connection.connect()
    await peer.until(() => peer.sockets.length === 2)
    peer.answer = (request, socket) => {
      // The one before ends while this one is asked.
      peer.sockets[0]?.end(() => socket.write(answerTo(request, 'still here')))
    }
    expect(await connection.send(question())).toBe('still here')
  })

  it('counts as one to a broker that is away when the first question goes unanswered', async () => {
    const Broker = require('kafkajs/src/broker') as BrokerClass
    const ConnectionPool = require('kafkajs/src/network/connectionPool') as new (options: object) => object
    const broker = new Broker({ logger, connectionPool: new ConnectionPool(optionsFor(peer)) })
    await expect(broker.connect()).rejects.toMatchObject({ name: 'KafkaJSConnectionError', retriable: true })
  })
})

describe('a member of a group in kafkajs as amended', () => {
  interface Member {
    coordinator: object
    memberId: string
    heartbeat(options: object): Promise<void>
  }

  function memberOf(cluster: object, coordinator: object): Member {
    const Class = require('kafkajs/src/consumer/consumerGroup') as new (options: object) => Member
    const emitter = { emit: () => undefined }
    const member = new Class({ cluster, groupId: 'group', topics: [], logger, retry: {}, instrumentationEmitter: emitter })
    return Object.assign(member, { coordinator, memberId: 'me' })
  }

  function failing(name: string): object {
    return { heartbeat: () => Promise.reject(Object.assign(new Error('gone'), { name })) }
  }

  beforeAll(() => {
    amendKafkajs()
  })

  it.each(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError'])('looks for its coordinator anew after a %s', async (name) => {
    const heard: object[] = []
    const next = { heartbeat: (payload: object) => Promise.resolve(heard.push(payload)) }
    const member = memberOf({ findGroupCoordinator: () => Promise.resolve(next) }, failing(name))
    await member.heartbeat({ interval: 0 })
    await member.heartbeat({ interval: 0 })
    expect(heard).toMatchObject([{ groupId: 'group', memberId: 'me' }])
  })

  it('fails as it did where nobody knows of another, or the coordinator has answered', async () => {
    const nobody = { findGroupCoordinator: () => Promise.reject(new Error('nobody')) }
    await expect(memberOf(nobody, failing('KafkaJSConnectionError')).heartbeat({ interval: 0 })).rejects.toThrow('gone')
    const answered = memberOf({ findGroupCoordinator: () => Promise.resolve({}) }, failing('KafkaJSProtocolError'))
    await expect(answered.heartbeat({ interval: 0 })).rejects.toThrow('gone')
  })
})
