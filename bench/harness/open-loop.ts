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
  const count = Math.round(perSecond * seconds)
  // Nothing is kept of a request but its number: what is kept has to be collected, in the middle of what is measured.
  const latencies: number[] = []
  const all = Promise.withResolvers<undefined>()
  const ask = async (n: number, dueAt: number): Promise<void> => {
    const { statusCode, body } = await pool.request({ method: 'GET', path: pathOf(n) })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`GET ${pathOf(n)}: ${statusCode} ${text}`)
    if (latencies.push(performance.now() - dueAt) === count) all.resolve(undefined)
  }
  const begun = performance.now()
  for (let asked = 0; asked < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - begun) / 1_000) * perSecond))
    for (; asked < due; asked += 1) ask(asked, begun + (asked / perSecond) * 1_000).catch(all.reject)
    await Promise.race([new Promise((resolve) => setTimeout(resolve, TICK_MS)), all.promise])
  }
  await all.promise
  await pool.close()
  return latencies
}
