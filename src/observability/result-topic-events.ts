/** What becomes of the events that plugins write to topics of their own: each is counted, the first of a kind is a log line. */
import type { Logger } from 'pino'
import type { StageMetrics } from './metrics.ts'

interface EventPlace {
  readonly partition: number
  readonly offset: number
  readonly correlationId: string
}

type Outcome = 'taken' | 'foreign' | 'unreadable' | 'unclaimed'

// A topic can have any number of events that are not for us. Who has read of one can look at the counter for the others.
const SAID_MAX = 1_000
const ID_SHOWN_MAX = 256

export function observeResultTopics(
  logger: Logger,
  { resultTopicEvents }: Pick<StageMetrics, 'resultTopicEvents'>,
): (topic: string, event: EventPlace, outcome: Outcome, cause?: string) => void {
  const said = new Set<string>()
  return (topic, { partition, offset, correlationId }, outcome, cause) => {
    resultTopicEvents.inc({ outcome })
    const kind = `${outcome} ${topic}`
    if (outcome === 'taken' || said.has(kind)) return
    if (said.size >= SAID_MAX) said.clear()
    said.add(kind)
    const level = outcome === 'unclaimed' ? 'info' : 'warn'
    const id = correlationId.slice(0, ID_SHOWN_MAX)
    logger[level]({ topic, partition, offset, correlationId: id, outcome, cause }, "an event on a plugin's topic is left out")
  }
}
