/** What tests do to one server of a stack on the JVM. {@link ensureStack} brings back what has ended, with its data. */
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
  for (const pid of await pidsOf(server)) process.kill(pid, 'SIGSTOP')
}

export async function resumeServer(server: OneServer): Promise<void> {
  for (const pid of await pidsOf(server)) process.kill(pid, 'SIGCONT')
}

async function pidsOf({ folder, name }: OneServer): Promise<readonly number[]> {
  const found = (await findProcesses(folder)).filter((process) => process.name === name)
  if (found.length === 0) throw new StackError('server-failed', `${name} does not run in ${folder}`)
  return found.map(({ pid }) => pid)
}
