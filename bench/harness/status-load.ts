/**
 * Asks a service about its jobs, at a rate; what comes first, at lower rates, is not counted.
 *
 *   node bench/harness/status-load.ts URL JOBS PER_SECOND SECONDS
 *
 * Prints `{"latenciesMs"}`, of each request from the time that it was due at, and ends.
 */
import { openLoop } from './open-loop.ts'
import { questionOf } from './status-questions.ts'

/** Parts of the rate, and of the time. */
const WARM_UP = [0.2, 0.5, 1]
const WARM_UP_TIME = 0.1

const [url = '', jobs, perSecond, seconds] = process.argv.slice(2)
const pathOf = (n: number): string => questionOf(n, Number(jobs))
for (const part of WARM_UP) {
  await openLoop({ url, perSecond: Number(perSecond) * part, seconds: Number(seconds) * WARM_UP_TIME, pathOf })
}
const latenciesMs = await openLoop({ url, perSecond: Number(perSecond), seconds: Number(seconds), pathOf })
process.stdout.write(`${JSON.stringify({ latenciesMs })}\n`)
