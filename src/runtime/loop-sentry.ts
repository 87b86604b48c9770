/**
 * Ends this process when its event loop is blocked for good. Nothing that runs on the loop can: a thread of its own looks at a
 * counter that the loop keeps turning.
 */
import { Worker } from 'node:worker_threads'

export interface LoopSentry {
  /** To be called by the event loop, several times within the limit. */
  turn(): void
  stop(): Promise<void>
}

interface Watch {
  readonly turns: SharedArrayBuffer
  readonly limitMs: number
  /** Names this process in the line that it leaves behind. */
  readonly name: string
}

/** SIGKILL, with a line on standard error, when {@link LoopSentry.turn} was not called for `limitMs` in which the process ran. */
export function startLoopSentry({ limitMs, name }: Pick<Watch, 'limitMs' | 'name'>): LoopSentry {
  const turns = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const counter = new Int32Array(turns)
  const workerData: Watch = { turns, limitMs, name }
  const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }
  const worker = new Worker(`(${keepWatch.toString()})()`, { eval: true, workerData, resourceLimits, execArgv: [] })
  worker.unref()
  return {
    turn: () => {
      Atomics.add(counter, 0, 1)
    },
    stop: async () => {
      await worker.terminate()
    },
  }
}

// The worker's program: it has nothing of this module. Only its own ticks count, so time in which the process was stopped does not.
function keepWatch(): void {
  const FATAL = 60
  const TICKS = 10
  const threads = process.getBuiltinModule('node:worker_threads')
  const { writeSync } = process.getBuiltinModule('node:fs')
  const { turns, limitMs, name } = threads.workerData as Watch
  const counter = new Int32Array(turns)
  let seen = -1
  let missed = 0
  setInterval(() => {
    const now = Atomics.load(counter, 0)
    missed = now === seen ? missed + 1 : 0
    seen = now
    if (missed <= TICKS) return
    const msg = 'the event loop is blocked for good: the process is killed'
    writeSync(2, `${JSON.stringify({ level: FATAL, time: Date.now(), worker: name, blockedMs: limitMs, msg })}\n`)
    process.kill(process.pid, 'SIGKILL')
  }, limitMs / TICKS)
}
