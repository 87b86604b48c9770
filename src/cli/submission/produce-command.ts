import type { Cli } from '../cli.ts'
import { brokersOverride, type BrokersOptions, kafkaClient, loadSettings } from '../connections.ts'
import type { JobCommand } from './command-of.ts'
import type { Position } from '../../kafka/port.ts'

/** Writes the command to its home partition. Resolves once all in-sync replicas have it; throws KafkaFailure. */
export async function produceCommand(
  cli: Cli,
  { jobId, value }: JobCommand,
  options: BrokersOptions,
): Promise<Position> {
  const config = await loadSettings(cli, brokersOverride(options))
  const producer = await kafkaClient(config).producer()
  try {
    const [position] = await producer.send([{ topic: `${config.topicPrefix}commands`, key: jobId, value }])
    if (position === undefined) throw new Error('broken invariant: a record was acknowledged without its position')
    return position
  } finally {
    await producer.close()
  }
}
