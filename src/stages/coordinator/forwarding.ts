/** Commands that arrived away from their home: clients have partitioners of their own. */
import { isJobId, JOB_ID_RULE } from '../../domain/ids.ts'
import type { JobCommandMessage } from '../../domain/messages.ts'
import type { InputRecord } from '../../kafka/port.ts'
import type { Turn } from '../stage.ts'

/** Marks a command that was sent to its home, with where it came from; it is never forwarded again. */
export const FORWARDED_HEADER = 'datajob_forwarded_from'

function bytesOf({ key, value, headers }: InputRecord): number {
  const ofHeaders = Object.entries(headers).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
  return ofHeaders + (key?.length ?? 0) + (value?.length ?? 0)
}

export function placeOf(record: InputRecord): string {
  return `${record.topic}-${record.partition}-${record.offset}`
}

interface NamedCommand {
  readonly jobId: string
  readonly command: JobCommandMessage
}

interface HomeRules {
  readonly partition: number
  readonly homePartition: (jobId: string) => number
  /** What a command is sent on with has to fit into a record as well. */
  readonly forwardedBytesMax: number
}

/** Whether the command is where it is decided; if not, it is sent there, or set aside where it names no job. */
export function isHome(record: InputRecord, named: NamedCommand, rules: HomeRules, turn: Turn<never>): boolean {
  if (!isJobId(named.jobId)) {
    const what = named.command.type === 'AddOperations' ? "the key of an AddOperations is its job's id" : 'jobId'
    turn.deadLetter(record, `${what}: ${JOB_ID_RULE}`)
    return false
  }
  const home = rules.homePartition(named.jobId)
  if (home !== rules.partition) forward(record, { ...named, ...rules, home }, turn)
  return home === rules.partition
}

type Forwarding = NamedCommand & Pick<HomeRules, 'partition' | 'forwardedBytesMax'> & { readonly home: number }

// In the transaction that passes over it; one that can't be sent is set aside.
function forward(record: InputRecord, { jobId, command, partition, home, forwardedBytesMax }: Forwarding, turn: Turn<never>): void {
  const from = record.headers[FORWARDED_HEADER]
  const bytes = bytesOf(record)
  if (from !== undefined) {
    turn.deadLetter(record, `forwarded from ${from} to partition ${partition}, but its home is ${home}`)
  } else if (bytes > forwardedBytesMax) {
    const what = `a command of ${bytes} bytes away from its home can't be forwarded, ${forwardedBytesMax} are allowed`
    turn.deadLetter(record, `${what}: produce it to partition ${home}, which murmur2 of its jobId names`)
  } else {
    const place = { partition: home, headers: { ...record.headers, [FORWARDED_HEADER]: placeOf(record) } }
    // Of a part only the head was read. Whether the rest can be, is decided at its home.
    if (command.type === 'AddOperations') turn.deliver([{ topic: record.topic, key: jobId, value: record.value, ...place }])
    else turn.publish('commands', jobId, command, place)
  }
}
