/** What happens to lanes and groups, said once: each event is one log line and one metric. */
import type { Logger } from 'pino'
import type { GroupEvent } from '../kafka/group-session.ts'
import { KafkaFailure } from '../kafka/port.ts'
import type { StageMetrics } from './metrics.ts'

export function observeGroup(logger: Logger, metrics: StageMetrics): (event: GroupEvent) => void {
  return (event) => {
    const { stage } = event
    switch (event.type) {
      case 'LanesAssigned':
        metrics.lanes.set({ stage }, event.partitions.length)
        logger.info({ stage, partitions: event.partitions }, 'lanes assigned')
        return
      case 'ConsumerCrashed':
        metrics.consumerCrashes.inc({ stage })
        logger.error({ stage, err: event.error, restartInMs: event.restartInMs }, 'the consumer died; it is replaced')
        return
      case 'LaneRestored':
        logger.info({ stage, partition: event.partition, entries: event.entries, ms: event.ms }, 'lane restored')
        return
      case 'TurnCommitted':
        metrics.turns.observe({ stage }, event.ms / 1_000)
        metrics.turnInputs.inc({ stage }, event.inputs)
        metrics.turnRecords.inc({ stage }, event.records)
        return
      case 'RecordDeadLettered': {
        const { topic, partition, offset } = event.record
        metrics.deadLetters.inc({ stage })
        logger.warn({ stage, topic, partition, offset, cause: event.cause }, 'record set aside as a dead letter')
        return
      }
      case 'LaneFailed':
        metrics.laneFailures.inc({ stage, code: codeOf(event.error) })
        logger.warn({ stage, partition: event.partition, err: event.error, restartInMs: event.restartInMs }, 'lane starts again')
        return
      case 'LaneFenced':
        metrics.lanesFenced.inc({ stage })
        logger.warn({ stage, partition: event.partition }, 'lane fenced: another process took it over')
        return
      case 'LaneBroken':
        logger.fatal({ stage, partition: event.partition, err: event.error }, 'lane broken: the process stops')
        return
      default:
        event satisfies never
    }
  }
}

function codeOf(error: unknown): string {
  if (error instanceof KafkaFailure) return error.code
  return error instanceof Error ? error.name : 'unknown'
}
