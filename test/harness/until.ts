import { setTimeout as sleep } from 'node:timers/promises'

const PAUSE_MS = 20
export const WAIT_MS_MAX = 60_000

type Falsy = false | null | undefined | 0 | ''

/** What the condition answers once it answers anything but nothing. Throws after the time, with what was waited for. */
export async function until<T>(
  what: string,
  condition: () => T | Falsy | Promise<T | Falsy>,
  waitMsMax: number = WAIT_MS_MAX,
): Promise<T> {
  const giveUpAt = performance.now() + waitMsMax
  for (;;) {
    const answer = await condition()
    if (answer !== false && answer !== null && answer !== undefined && answer !== 0 && answer !== '') return answer
    if (performance.now() > giveUpAt) throw new Error(`not within ${waitMsMax} ms: ${what}`)
    await sleep(PAUSE_MS)
  }
}
