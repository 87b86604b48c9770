import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { kafkaAnswers, kafkaProperties, renderProperties } from './kafka.ts'
import { choosePorts } from './ports.ts'

test('properties are rendered one a line, with backslashes doubled', () => {
  expect(renderProperties({ 'a.b': 1, c: false, dir: 'C:\\data' })).toBe('a.b=1\nc=false\ndir=C:\\\\data\n')
})

const three = { port: 1, controllerPorts: [2, 3, 4] }

test('every listener of every node is bound to 127.0.0.1', () => {
  const properties = kafkaProperties({ name: 'kafka-2', ...three }, '/data')
  const addresses = String(properties['listeners']).split(',').map((listener) => listener.split('://')[1])
  expect(addresses).toEqual(['127.0.0.1:1', '127.0.0.1:3'])
})

test('of three brokers each is a controller, and one may be away', () => {
  expect(kafkaProperties({ name: 'kafka-3', ...three }, '/data')).toMatchObject({
    'node.id': 3,
    'process.roles': 'broker,controller',
    'controller.quorum.voters': '1@127.0.0.1:2,2@127.0.0.1:3,3@127.0.0.1:4',
    'default.replication.factor': 3,
    'min.insync.replicas': 2,
    'offsets.topic.replication.factor': 3,
    'transaction.state.log.replication.factor': 3,
    'transaction.state.log.min.isr': 2,
  })
})

test('one broker is alone', () => {
  expect(kafkaProperties({ name: 'kafka', port: 1, controllerPorts: [2] }, '/data')).toMatchObject({
    'controller.quorum.voters': '1@127.0.0.1:2',
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'transaction.state.log.min.isr': 1,
  })
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

/** Size, correlation id, and the brokers that are up: id, host, port, rack. */
const knowsOfNode2 = '0000001d' + '00000000' + '00000001' + '00000002' + '0009' + '3132372e302e302e31' + '00000001' + 'ffff'

test('a broker that knows of a broker answers', async () => {
  expect(await kafkaAnswers(await serverThatSends(knowsOfNode2))).toBe(true)
})

test('a broker that is to know of itself answers once it does', async () => {
  expect(await kafkaAnswers(await serverThatSends(knowsOfNode2), '127.0.0.1', 2)).toBe(true)
  expect(await kafkaAnswers(await serverThatSends(knowsOfNode2), '127.0.0.1', 1)).toBe(false)
})

test('a broker that knows of no broker yet does not', async () => {
  expect(await kafkaAnswers(await serverThatSends('00000008' + '00000000' + '00000000'))).toBe(false)
})

test('a server that hangs up does not', async () => {
  expect(await kafkaAnswers(await serverThatSends(''))).toBe(false)
})

test('a port that nobody has does not', async () => {
  const [port] = await choosePorts([undefined])
  expect(await kafkaAnswers(port!)).toBe(false)
})
