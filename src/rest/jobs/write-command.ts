import type { OutputRecord, Position } from '../../kafka/port.ts'
import type { JobDependencies } from '../dependencies.ts'
import { bounded } from './bounded.ts'

/** Resolves to the command's position once all in-sync replicas have it. Rejects with KafkaFailure, or with a 503 in the end. */
export async function writeCommand(
  { producer, timers, limits }: Pick<JobDependencies, 'producer' | 'timers' | 'limits'>,
  record: OutputRecord,
): Promise<Position> {
  const [position] = await bounded(producer.send([record]), { timers, timeoutMs: limits.backendTimeoutMs, who: 'Kafka' })
  if (position === undefined) throw new Error('broken invariant: a record was acknowledged without its position')
  return position
}
