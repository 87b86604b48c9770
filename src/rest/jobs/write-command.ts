import type { OutputRecord, Position } from '../../kafka/port.ts'
import { passFailpoint } from '../../runtime/failpoints.ts'
import type { JobDependencies } from '../dependencies.ts'
import { bounded } from './bounded.ts'

/** Resolves to the command's position once all in-sync replicas have it. Rejects with KafkaFailure, or with a 503 in the end. */
export async function writeCommand(
  { producer, timers, limits }: Pick<JobDependencies, 'producer' | 'timers' | 'limits'>,
  record: OutputRecord,
): Promise<Position> {
  const detail = record.key ?? record.topic
  passFailpoint('command.write.before', detail)
  const [position] = await bounded(producer.send([record]), { timers, timeoutMs: limits.backendTimeoutMs, who: 'Kafka' })
  passFailpoint('command.write.after', detail)
  if (position === undefined) throw new Error('broken invariant: a record was acknowledged without its position')
  return position
}
