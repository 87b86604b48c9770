import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'

const LIMIT_MS = 300

/** What becomes of a process that runs the lines beside a sentry. */
async function ending(lines: string): Promise<{ readonly signal: string | null; readonly said: string }> {
  const module = new URL('loop-sentry.ts', import.meta.url).href
  const program = `import { startLoopSentry } from ${JSON.stringify(module)}
    const sentry = startLoopSentry({ limitMs: ${LIMIT_MS}, name: 'this one' })
    const turning = setInterval(() => sentry.turn(), 20)
    ${lines}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [said, [, signal]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null, string | null]>])
  return { signal, said }
}

describe('a sentry of the event loop', () => {
  it('kills a process whose loop is blocked for good, and says so', async () => {
    const { signal, said } = await ending('setTimeout(() => { for (;;); }, 100)')
    expect(signal).toBe('SIGKILL')
    const line = said.split('\n').find((each) => each.startsWith('{')) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({ level: 60, worker: 'this one', blockedMs: LIMIT_MS })
  })

  it('leaves a process alone whose loop turns, and lets it end', async () => {
    const { signal, said } = await ending(`
      const pause = () => { const end = performance.now() + 100; while (performance.now() < end); }
      for (let at = 1; at <= 8; at += 1) setTimeout(pause, 140 * at)
      setTimeout(() => clearInterval(turning), 1300)`)
    expect({ signal, said }).toEqual({ signal: null, said: '' })
  })
})
