// Run as a process of its own by owner.ts: waits until its standard input ends, which is when the owner of the stack ended.
import { stopStack } from './stack.ts'
import { readState } from './state.ts'

const [folder, owner] = process.argv.slice(2)
if (folder === undefined || owner === undefined) throw new Error('usage: watchdog FOLDER OWNER')

process.stdin.resume()
process.stdin.once('end', () => {
  // The owner may have stopped the stack itself, and someone else may use the folder since.
  if (readState(folder)?.owner === owner) void stopStack({ folder, discard: true })
})
