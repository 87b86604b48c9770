import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import { extname, join } from 'node:path'

/** Names this process as the owner of the stacks that shall end with it. A pid would not do: pids come back. */
export const ownerId = randomUUID()

/**
 * Starts a process that ends the stack in the folder when this process ends, however that happens. It holds the other end
 * of a pipe: the operating system closes ours even after a SIGKILL, and while this process waits to be collected.
 */
export function startWatchdog(folder: string, env: NodeJS.ProcessEnv): void {
  const script = join(import.meta.dirname, `watchdog${extname(import.meta.filename)}`)
  const child = spawn(process.execPath, [script, folder, ownerId], {
    detached: true,
    env: { ...env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
}
