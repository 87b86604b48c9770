// Run as a process of its own by owner.ts: waits until its standard input ends, which is when the owner of the stack ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcesses, findProcesses } from './processes.ts'
import { stopStack } from './stack.ts'
import { readState } from './state.ts'

/** An owner that is killed in the middle of starting a server leaves a process that isn't in the process table as ours yet. */
const lateStarterMs = 500

const [folder, owner] = process.argv.slice(2)
if (folder === undefined || owner === undefined) throw new Error('usage: watchdog FOLDER OWNER')

process.stdin.resume()
process.stdin.once('end', () => {
  void endStack(folder, owner)
})

async function endStack(folder: string, owner: string): Promise<void> {
  // The owner may have stopped the stack itself, and someone else may use the folder since.
  if (readState(folder)?.owner !== owner) return
  await stopStack({ folder, discard: true })
  await sleep(lateStarterMs)
  if (readState(folder) === undefined) await endProcesses((await findProcesses(folder)).map(({ pid }) => pid), 0)
}
