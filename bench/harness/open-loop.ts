import { Pool } from 'undici'

export interface OpenLoop {
  readonly url: string
  readonly perSecond: number
  readonly seconds: number
  /** What the n-th request asks for. */
  readonly pathOf: (n: number) => string
}

const CONNECTIONS = 32
const TICK_MS = 1

/**
 * Sends requests at their times, whether or not those before were answered. Resolves to how long each took from the time that it
 * was due at, in ms: one that had to wait behind others is not counted as quick.
 */
export async function openLoop({ url, perSecond, seconds, pathOf }: OpenLoop): Promise<readonly number[]> {
  const pool = new Pool(url, { connections: CONNECTIONS })
  const count = perSecond * seconds
  const latencies: number[] = []
  const ask = async (n: number, dueAt: number): Promise<void> => {
    const { statusCode, body } = await pool.request({ method: 'GET', path: pathOf(n) })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`GET ${pathOf(n)}: ${statusCode} ${text}`)
    latencies.push(performance.now() - dueAt)
  }
  const asked: Promise<void>[] = []
  const begun = performance.now()
  while (asked.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - begun) / 1_000) * perSecond))
    while (asked.length < due) asked.push(ask(asked.length, begun + (asked.length / perSecond) * 1_000))
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  await Promise.all(asked)
  await pool.close()
  return latencies
}
