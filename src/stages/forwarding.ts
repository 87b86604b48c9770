/** Commands that arrived away from their home: clients have partitioners of their own. */
import type { JobCommandMessage } from '../domain/messages.ts'
import type { InputRecord } from '../kafka/port.ts'
import type { Turn } from './stage.ts'

/** Marks a command that was sent to its home, with where it came from; it is never forwarded again. */
export const FORWARDED_HEADER = 'datajob_forwarded_from'

function bytesOf({ key, value, headers }: InputRecord): number {
  const ofHeaders = Object.entries(headers).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)
  return ofHeaders + (key?.length ?? 0) + (value?.length ?? 0)
}

export function placeOf(record: InputRecord): string {
  return `${record.topic}-${record.partition}-${record.offset}`
}

interface Forwarding {
  readonly jobId: string
  readonly command: JobCommandMessage
  /** Where it is, and where it belongs. */
  readonly partition: number
  readonly home: number
  /** What the command is sent on with has to fit into a record as well. */
  readonly bytesMax: number
}

/** Sends a command home in the transaction that passes over it; one that can't be sent is set aside. */
export function forward(record: InputRecord, { jobId, command, partition, home, bytesMax }: Forwarding, turn: Turn<never>): void {
  const from = record.headers[FORWARDED_HEADER]
  const bytes = bytesOf(record)
  if (from !== undefined) {
    turn.deadLetter(record, `forwarded from ${from} to partition ${partition}, but its home is ${home}`)
  } else if (bytes > bytesMax) {
    const what = `a command of ${bytes} bytes away from its home can't be forwarded, ${bytesMax} are allowed`
    turn.deadLetter(record, `${what}: produce it to partition ${home}, which murmur2 of its jobId names`)
  } else {
    const place = { partition: home, headers: { ...record.headers, [FORWARDED_HEADER]: placeOf(record) } }
    // Of a part only the head was read. Whether the rest can be, is decided at its home.
    if (command.type === 'AddOperations') turn.deliver([{ topic: record.topic, key: jobId, value: record.value, ...place }])
    else turn.publish('commands', jobId, command, place)
  }
}
