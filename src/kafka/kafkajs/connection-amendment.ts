/**
 * How kafkajs's connections end and begin anew (docs/adr/0002). What it leaves of the connection before gets in the way of the
 * next one: a client that met that reads nothing more, and says nothing.
 */
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'

const require = createRequire(import.meta.url)

interface Connection {
  readonly broker: string
  readonly host: string
  readonly port: number
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

interface ConsumerGroup {
  readonly groupId: string
  readonly cluster: { findGroupCoordinator(group: { readonly groupId: string }): Promise<object> }
  coordinator: object
  heartbeat: (this: ConsumerGroup, options: object) => Promise<void>
}

type ConnectionErrorClass = new (message: string, options: { readonly broker: string }) => Error
type ClosedErrorClass = new (message: string, options: { readonly host: string; readonly port: number }) => Error

interface ErrorClasses {
  readonly KafkaJSConnectionError: ConnectionErrorClass
  readonly KafkaJSConnectionClosedError: ClosedErrorClass
}

const RESPONSE_HEAD_BYTES = 4
const CONNECTION_ERRORS: ReadonlySet<string> = new Set(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError'])

/** The methods of all connections of this process. Called once. */
export function amendConnection(): void {
  const { prototype } = require('kafkajs/src/network/connection') as { readonly prototype: Connection }
  const classes = require('kafkajs/src/errors') as ErrorClasses
  amendConnect(prototype)
  amendDisconnect(prototype)
  amendSend(prototype, classes)
  amendGreeting(classes)
  amendHeartbeat()
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
 * word, and every further request would wait as long. The request fails as those do whose connection was closed: only then does
 * kafkajs ask who leads now. After a mere timeout it goes to the same broker, forty times, though another leads since the first.
 */
function amendSend(prototype: Connection, classes: ErrorClasses): void {
  const { send } = prototype
  prototype.send = async function (this: Connection, request: object): Promise<unknown> {
    const usedSocket = this.socket
    try {
      return await send.call(this, request)
    } catch (error) {
      if (!isSilence(error)) throw error
      if (this.socket === usedSocket && this.isConnected()) await giveUp(this, classes.KafkaJSConnectionError)
      const { host, port } = this
      throw new classes.KafkaJSConnectionClosedError(`Given up: ${error.message}`, { host, port })
    }
  }
}

/**
 * A broker that takes the connection and does not answer the first question counts as one that can't be reached: otherwise kafkajs
 * asks the same one again, forty times, before it looks at the next of the list.
 */
function amendGreeting({ KafkaJSConnectionError }: ErrorClasses): void {
  const { prototype } = require('kafkajs/src/broker') as { readonly prototype: Broker }
  const { connect } = prototype
  prototype.connect = async function (this: Broker): Promise<void> {
    try {
      await connect.call(this)
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'KafkaJSConnectionClosedError') throw error
      throw new KafkaJSConnectionError(`The broker takes connections and does not answer: ${error.message}`, {
        broker: this.brokerAddress,
      })
    }
  }
}

/**
 * A group whose coordinator is gone or silent has another one soon. kafkajs looks for it only when it joins the group again, and
 * sends heartbeats, forty of them, to where it was: until then nothing is fetched.
 */
function amendHeartbeat(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { readonly prototype: ConsumerGroup }
  const { heartbeat } = prototype
  prototype.heartbeat = async function (this: ConsumerGroup, options: object): Promise<void> {
    try {
      await heartbeat.call(this, options)
    } catch (error) {
      if (!(error instanceof Error) || !CONNECTION_ERRORS.has(error.name)) throw error
      const { groupId } = this
      this.coordinator = await this.cluster.findGroupCoordinator({ groupId }).catch(() => {
        throw error
      })
    }
  }
}

function isSilence(error: unknown): error is Error {
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
