import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const host = '127.0.0.1'

/**
 * The range new ports are taken from. It ends below the ephemeral ranges of Linux (32768) and macOS (49152): a client that
 * keeps calling a killed server on an ephemeral port ends up, sooner or later, connected to itself, and the server can't
 * come back on its port.
 */
export const portRange = { first: 15_000, last: 31_999 }

/**
 * Ports on 127.0.0.1, one for each entry: the preferred one where it is free, else one from {@link portRange}.
 * All are bound at once before any is released, so the answers differ, and so do the answers of two callers at the same time.
 */
export async function choosePorts(preferred: readonly (number | undefined)[]): Promise<number[]> {
  const held: Server[] = []
  try {
    const ports: number[] = []
    for (const wish of preferred) {
      const server = (wish === undefined ? undefined : await tryBind(wish)) ?? (await bindAny())
      held.push(server)
      const address = server.address()
      if (address === null || typeof address === 'string') throw new Error('a bound server has no port')
      ports.push(address.port)
    }
    return ports
  } finally {
    await Promise.all(held.map(release))
  }
}

/** Waits until nobody has the port, or the time is over. */
export async function untilFree(port: number | undefined, waitMsMax: number): Promise<void> {
  const giveUpAt = performance.now() + waitMsMax
  while (port !== undefined && performance.now() < giveUpAt) {
    const server = await tryBind(port)
    if (server !== undefined) {
      await release(server)
      return
    }
    await sleep(50)
  }
}

async function bindAny(): Promise<Server> {
  const attemptsMax = 200
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const size = portRange.last - portRange.first + 1
    const server = await tryBind(portRange.first + Math.floor(Math.random() * size))
    if (server !== undefined) return server
  }
  throw new Error(`no free port found between ${portRange.first} and ${portRange.last} in ${attemptsMax} attempts`)
}

function tryBind(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(undefined)
    })
    server.listen({ host, port, exclusive: true }, () => {
      resolve(server)
    })
  })
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
  })
}
