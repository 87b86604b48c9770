import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { kafkaAnswers, kafkaProperties, newClusterId, renderProperties } from './kafka.ts'
import { choosePorts } from './ports.ts'

test('properties are rendered one a line, with backslashes doubled', () => {
  expect(renderProperties({ 'a.b': 1, c: false, dir: 'C:\\data' })).toBe('a.b=1\nc=false\ndir=C:\\\\data\n')
})

test('every listener of every node is bound to 127.0.0.1', () => {
  for (const nodeId of [1, 2]) {
    const properties = kafkaProperties({ nodeId, port: 1, controllerPort: 2 }, '/data')
    const addresses = String(properties['listeners']).split(',').map((listener) => listener.split('://')[1])
    expect(addresses).toEqual(nodeId === 1 ? ['127.0.0.1:1', '127.0.0.1:2'] : ['127.0.0.1:1'])
  }
})

test('an extra node is a broker that joins the first node\'s controller', () => {
  const properties = kafkaProperties({ nodeId: 2, port: 1, controllerPort: 2 }, '/data')
  expect(properties).toMatchObject({ 'process.roles': 'broker', 'controller.quorum.voters': '1@127.0.0.1:2' })
})

test('a cluster id is 16 bytes in base64url and never looks like an option', () => {
  for (let i = 0; i < 500; i++) expect(newClusterId()).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
})

async function serverThatSends(bytes: string): Promise<number> {
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(Buffer.from(bytes, 'hex')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}

test('a broker that knows of a broker answers', async () => {
  expect(await kafkaAnswers(await serverThatSends('00000010' + '00000000' + '00000001'))).toBe(true)
})

test('a broker that knows of no broker yet does not', async () => {
  expect(await kafkaAnswers(await serverThatSends('0000000c' + '00000000' + '00000000'))).toBe(false)
})

test('a server that hangs up does not', async () => {
  expect(await kafkaAnswers(await serverThatSends(''))).toBe(false)
})

test('a port that nobody has does not', async () => {
  const [port] = await choosePorts([undefined])
  expect(await kafkaAnswers(port!)).toBe(false)
})
