import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { choosePorts, portRange, untilFree } from './ports.ts'

const held: Server[] = []

afterEach(() => {
  for (const server of held.splice(0)) server.close()
})

async function hold(port: number): Promise<void> {
  const server = createServer()
  held.push(server)
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve))
}

test('a preferred port that is free is chosen', async () => {
  const [free] = await choosePorts([undefined])
  expect(await choosePorts([free])).toEqual([free])
})

test('a preferred port that is taken is replaced by another', async () => {
  const [taken] = await choosePorts([undefined])
  await hold(taken!)
  const [other] = await choosePorts([taken])
  expect(other).not.toBe(taken)
})

test('ports chosen together differ, also when the same one is preferred twice', async () => {
  const [port] = await choosePorts([undefined])
  const ports = await choosePorts([port, port, ...Array.from({ length: 20 }, () => undefined)])
  expect(new Set(ports).size).toBe(22)
})

test('new ports lie below the ephemeral ranges', async () => {
  for (const port of await choosePorts(Array.from({ length: 20 }, () => undefined))) {
    expect(port).toBeGreaterThanOrEqual(portRange.first)
    expect(port).toBeLessThan(32_768)
  }
})

test('waiting for a port ends when it is given back', async () => {
  const [port] = await choosePorts([undefined])
  await hold(port!)
  const waited = untilFree(port, 60_000)
  held.pop()!.close()
  await waited
  expect(await choosePorts([port])).toEqual([port])
})
