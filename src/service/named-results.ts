/** Follows the topics that plugins put their results on. */
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { ResultLimits } from '../dmi/responses.ts'
import { InternalTopics } from '../effects/internal-topics/internal-topics.ts'
import { NamedResults } from '../effects/named-results.ts'
import type { StageMetrics } from '../observability/metrics.ts'
import { observeResultTopics } from '../observability/result-topic-events.ts'
import type { Closing } from '../runtime/closing.ts'
import { systemClock, systemTimers } from '../runtime/clock.ts'
import { kafkaSinkDefaults } from '../sinks/kafka/config.ts'
import type { Connections } from './connections.ts'

/** Events of one topic that have gone by and are kept for those who come to look for them. */
const RECENT_BYTES_MAX = 16 * 1024 * 1024

export interface NamedResultsParts {
  readonly config: Config
  readonly connections: Connections
  readonly metrics: StageMetrics
  readonly logger: Logger
  readonly closing: Closing
}

export function openNamedResults(parts: NamedResultsParts, limits: ResultLimits): NamedResults {
  const { config, connections, metrics, logger, closing } = parts
  const { kafka, inventory } = connections
  const topics = new InternalTopics({
    ...{ kafka, timers: systemTimers, limits },
    isService: (name) => inventory.service(name) !== undefined,
    observe: observeResultTopics(logger, metrics),
    recentBytesMax: RECENT_BYTES_MAX,
    subjobBytesMax: kafkaSinkDefaults.subjobBytesMax,
    collectedBytesMax: config.resultsWaitingBytesMax,
  })
  closing.later("plugins' topics", () => topics.close())
  return new NamedResults({
    ...{ topics, clock: systemClock, waitMs: config.resultTopicTimeoutMs },
    rules: { allowed: config.resultTopics, topicPrefix: config.topicPrefix },
  })
}
