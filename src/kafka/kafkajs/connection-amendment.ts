/**
 * How kafkajs's connections end and begin anew (docs/adr/0002). What it leaves of the connection before gets in the way of the
 * next one: a client that met that reads nothing more, and says nothing.
 */
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'

const require = createRequire(import.meta.url)

interface Connection {
  readonly broker: string
  socket?: Socket
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
  isConnected(): boolean
  connect: (this: Connection) => Promise<unknown>
  disconnect: (this: Connection) => Promise<unknown>
  send: (this: Connection, request: object) => Promise<unknown>
  rejectRequests(error: Error): void
}

interface Broker {
  readonly brokerAddress: string
  connect: (this: Broker) => Promise<void>
}

type ConnectionErrorClass = new (message: string, options: { readonly broker: string }) => Error

const RESPONSE_HEAD_BYTES = 4

/** The methods of all connections of this process. Called once. */
export function amendConnection(): void {
  const { prototype } = require('kafkajs/src/network/connection') as { readonly prototype: Connection }
  const { KafkaJSConnectionError } = require('kafkajs/src/errors') as { readonly KafkaJSConnectionError: ConnectionErrorClass }
  amendConnect(prototype)
  amendDisconnect(prototype)
  amendSend(prototype, KafkaJSConnectionError)
  amendGreeting(KafkaJSConnectionError)
}

/**
 * Requests that find the connection closed open one each; all but the last would stay open for ever. And what had come of an
 * answer when the connection broke off would be taken for the beginning of the next one.
 */
function amendConnect(prototype: Connection): void {
  const { connect } = prototype
  const underWay = new WeakMap<Connection, Promise<unknown>>()
  prototype.connect = function (this: Connection): Promise<unknown> {
    const connecting = underWay.get(this)
    if (connecting !== undefined) return connecting
    if (!this.isConnected()) {
      this.chunks = []
      this.bytesBuffered = 0
      this.bytesNeeded = RESPONSE_HEAD_BYTES
    }
    const connected = connect.call(this).finally(() => underWay.delete(this))
    underWay.set(this, connected)
    return connected
  }
}

/**
 * A socket whose other end says nothing more would stay half-open, and one that is being opened would go on trying. What either
 * hears later, its own end above all, would be taken for news of the connection that has replaced it.
 */
function amendDisconnect(prototype: Connection): void {
  const { disconnect } = prototype
  prototype.disconnect = async function (this: Connection): Promise<unknown> {
    const { socket } = this
    const result = await disconnect.call(this)
    if (socket !== undefined) abandon(socket)
    return result
  }
}

/**
 * A connection on which an answer did not come in time is of no more use, as in Java's client: the broker may be gone without a
 * word, and every further request would wait as long. The next one connects anew, or goes to another broker.
 */
function amendSend(prototype: Connection, ConnectionError: ConnectionErrorClass): void {
  const { send } = prototype
  prototype.send = async function (this: Connection, request: object): Promise<unknown> {
    const usedSocket = this.socket
    try {
      return await send.call(this, request)
    } catch (error) {
      if (isSilence(error) && this.socket === usedSocket && this.isConnected()) await giveUp(this, ConnectionError)
      throw error
    }
  }
}

/**
 * A broker that takes the connection and does not answer the first question counts as one that can't be reached: otherwise kafkajs
 * asks the same one again, forty times, before it looks at the next of the list.
 */
function amendGreeting(ConnectionError: ConnectionErrorClass): void {
  const { prototype } = require('kafkajs/src/broker') as { readonly prototype: Broker }
  const { connect } = prototype
  prototype.connect = async function (this: Broker): Promise<void> {
    try {
      await connect.call(this)
    } catch (error) {
      if (!isSilence(error)) throw error
      throw new ConnectionError('The broker takes connections and does not answer', { broker: this.brokerAddress })
    }
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && error.name === 'KafkaJSRequestTimeoutError'
}

async function giveUp(connection: Connection, ConnectionError: ConnectionErrorClass): Promise<void> {
  const { broker, socket } = connection
  connection.rejectRequests(new ConnectionError('Given up: an answer did not come in time', { broker }))
  await connection.disconnect()
  socket?.destroy()
}

function abandon(socket: Socket): void {
  for (const event of ['data', 'end', 'error', 'timeout']) socket.removeAllListeners(event)
  socket.on('error', () => undefined)
  if (socket.connecting) socket.destroy()
  else socket.destroySoon()
}
