import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultProxy } from './fault-proxy.ts'
import { until } from './until.ts'

let server: Server
let proxy: FaultProxy
const atServer: Socket[] = []
const clients: Client[] = []

/** What a client of the proxy sees. */
class Client {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  /** `closed`, or the code of the error. */
  end: string | null = null

  constructor(address: string) {
    this.socket = connect({ host: '127.0.0.1', port: Number(address.split(':')[1]), noDelay: true })
    this.socket.on('data', (chunk) => this.chunks.push(chunk))
    this.socket.once('error', (error) => {
      this.end = 'code' in error ? String(error.code) : error.message
    })
    this.socket.once('close', () => {
      this.end ??= 'closed'
    })
    clients.push(this)
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  async says(text: string): Promise<void> {
    this.socket.write(text)
    await until(`the echo of ${text}`, () => this.text.endsWith(text))
  }
}

beforeEach(async () => {
  server = createServer((socket) => {
    atServer.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await FaultProxy.start({ target: `127.0.0.1:${(server.address() as AddressInfo).port}` })
})

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy()
  await proxy.close()
  for (const socket of atServer.splice(0)) socket.destroy()
  server.close()
  expect(proxy.problems).toEqual([])
})

/** A connection through which something has gone already. */
async function connected(): Promise<Client> {
  const client = new Client(proxy.address)
  await client.says('hello')
  client.chunks.length = 0
  return client
}

describe('without faults', () => {
  it('passes everything on, both ends of a conversation included', async () => {
    const client = await connected()
    const text = 'x'.repeat(3_000_000)
    client.socket.end(text)
    await until('the client is told that the server has ended', () => client.end)
    expect([client.text === text, client.end]).toEqual([true, 'closed'])
    await until('nothing is open', () => proxy.counts.open === 0)
    expect(proxy.counts.opened).toBe(1)
  })

  it('counts connections, those that are there and those that were', async () => {
    const [first] = [await connected(), await connected()]
    expect(proxy.counts).toMatchObject({ open: 2, opened: 2 })
    first.socket.destroy()
    await until('one is left', () => proxy.counts.open === 1)
    expect(proxy.counts).toMatchObject({ open: 1, opened: 2 })
  })

  it('a server that is not there resets the client', async () => {
    server.close()
    const client = new Client(proxy.address)
    await until('the client is told', () => client.end)
    expect(client.end).toBe('ECONNRESET')
  })
})

describe('latency', () => {
  it('holds each byte up, and keeps their order', async () => {
    const client = await connected()
    await proxy.set({ up: { latencyMs: 60, jitterMs: 50 }, down: { latencyMs: 60 } })
    const began = performance.now()
    for (let n = 0; n < 20; n += 1) client.socket.write(`${n},`)
    await until('all are back', () => client.text.endsWith('19,'))
    expect(client.text).toBe(Array.from({ length: 20 }, (_, n) => `${n},`).join(''))
    expect(performance.now() - began).toBeGreaterThan(69)
  })
})

describe('bandwidth', () => {
  it('lets no more than that through', async () => {
    const client = await connected()
    await proxy.set({ down: { bytesPerSecond: 20_000 } })
    const began = performance.now()
    await client.says('x'.repeat(4_000))
    expect(performance.now() - began).toBeGreaterThan(190)
  })
})

describe('slices', () => {
  it('come a byte at a time', async () => {
    const client = await connected()
    await proxy.set({ up: { sliceBytes: 1 }, down: { sliceBytes: 1 } })
    await client.says('a sentence of some length')
    expect(client.chunks.length).toBeGreaterThan(10)
  })
})

describe('a half-open link', () => {
  it('moves no byte, closes nothing, and goes on where it was when that ends', async () => {
    const client = await connected()
    await proxy.set({ up: { stalled: true }, down: { stalled: true } })
    client.socket.write('into the void')
    const late = new Client(proxy.address)
    late.socket.write('me too')
    await until('the late one is accepted', () => proxy.counts.opened === 2)
    atServer[0]?.destroy()
    await until('the server sees both', () => atServer.length === 2)
    expect([client.end, client.text, late.end, late.text]).toEqual([null, '', null, ''])
    await proxy.heal()
    await until('the first learns that the server has gone', () => client.end)
    await until('the second is answered', () => late.text === 'me too')
  })

  it('may be so in one direction only', async () => {
    const client = await connected()
    await proxy.set({ down: { stalled: true } })
    const heard = once(atServer[0]!, 'data')
    client.socket.write('question')
    expect(String((await heard)[0])).toBe('question')
    expect(client.text).toBe('')
    await proxy.heal()
    await until('the answer has come', () => client.text === 'question')
  })
})

describe('swallowed bytes', () => {
  it('reach the server, whose answer is never heard: the link is reset when that ends', async () => {
    const client = await connected()
    const unharmed = await connected()
    await proxy.set({ down: { swallowed: true } })
    client.socket.write('question')
    await until('the answer is lost', () => proxy.counts.swallowedBytes === 'question'.length)
    expect(client.end).toBeNull()
    await proxy.heal()
    await until('the client is told', () => client.end)
    expect([client.text, client.end]).toEqual(['', 'ECONNRESET'])
    await unharmed.says('still here')
  })
})

describe('resets', () => {
  it('come after so many bytes', async () => {
    const client = await connected()
    await proxy.set({ down: { resetAfterBytes: 4 } })
    client.socket.write('12345678')
    await until('the client is told', () => client.end)
    expect([client.text, client.end]).toEqual(['1234', 'ECONNRESET'])
  })

  it('come at once to all links that are there, and to no later one', async () => {
    const [first, second] = [await connected(), await connected()]
    expect(proxy.reset()).toBe(2)
    await until('both are told', () => first.end === 'ECONNRESET' && second.end === 'ECONNRESET')
    await connected()
  })
})

describe('refusal', () => {
  it('ends what is there and lets nobody in, until it is over', async () => {
    const client = await connected()
    await proxy.set({ refused: true })
    await until('the client is told', () => client.end)
    const refused = new Client(proxy.address)
    await until('the next one, too', () => refused.end)
    expect([client.end, refused.end]).toEqual(['ECONNRESET', 'ECONNREFUSED'])
    await proxy.heal()
    await connected()
  })
})
