/** What tests do to one server of a stack on the JVM. {@link ensureStack} brings back what has ended, with its data. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { StackError } from './errors.ts'
import { endProcesses, findProcesses } from './processes.ts'
import type { NodeName } from './state.ts'

const stopGraceMs = 20_000

/** Where a server is. */
export interface OneServer {
  readonly folder: string
  readonly name: NodeName
}

/** Ends it at once (SIGKILL). */
export async function killServer(server: OneServer): Promise<void> {
  await endProcesses(await pidsOf(server), 0)
}

/** Asks it to stop: a broker hands over what it leads before. */
export async function stopServer(server: OneServer): Promise<void> {
  await endProcesses(await pidsOf(server), stopGraceMs)
}

/** Keeps it from doing anything: it accepts connections, and answers nobody. */
export async function pauseServer(server: OneServer): Promise<void> {
  const pids = await pidsOf(server)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  for (const pid of pids) await stopped(pid)
}

const STOP_STEP_MS = 5
const STOP_STEPS_MAX = 1_000

/** Resolves once none of its threads runs any more: one on another processor may still answer when the signal was sent. */
async function stopped(pid: number): Promise<void> {
  for (let step = 0; step < STOP_STEPS_MAX; step += 1) {
    if (threadStates(pid).every((state) => state === 'T')) return
    await sleep(STOP_STEP_MS)
  }
  throw new StackError('server-failed', `process ${pid} does not stop`)
}

/** As /proc has them (proc(5)): the letter behind the name in parentheses. Empty where there is no such file system. */
function threadStates(pid: number): readonly (string | undefined)[] {
  const folder = `/proc/${pid}/task`
  if (!existsSync(folder)) return []
  return readdirSync(folder).map((thread) => stateIn(`${folder}/${thread}/stat`))
}

function stateIn(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2)[0]
  } catch {
    // A thread that has ended since is looked for once more.
    return undefined
  }
}

export async function resumeServer(server: OneServer): Promise<void> {
  for (const pid of await pidsOf(server)) process.kill(pid, 'SIGCONT')
}

async function pidsOf({ folder, name }: OneServer): Promise<readonly number[]> {
  const found = (await findProcesses(folder)).filter((process) => process.name === name)
  if (found.length === 0) throw new StackError('server-failed', `${name} does not run in ${folder}`)
  return found.map(({ pid }) => pid)
}
