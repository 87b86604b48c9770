/** What is the same in all simulated worlds. */
import type { DestinationRules } from '../../src/domain/destination.ts'
import type { Handle } from '../../src/domain/split.ts'
import { type TopicNames, topicNames } from '../../src/kafka/topics.ts'
import { exampleHandle } from '../fakes/domain-examples.ts'

export const TOPICS: TopicNames = topicNames('datajob.')
export const RESULT_TOPIC = 'results'
export const DESTINATIONS: DestinationRules = { bareNameIs: 'topic', topicPrefix: 'datajob.' }
export const SUBMISSION_LIMITS = { operationsMax: 40, pathLengthMax: 100 }
export const APPLICATION = 'datajob'
/** Longer than any simulation: no job is forgotten. */
export const JOB_RETENTION_MS = 1e10

/** Place `/n` belongs to one of four producers, to one that is not ready, or to nobody. */
const handles: readonly (Handle | undefined)[] = [
  exampleHandle({ service: 'dmi-1', dataProducerId: 'p1' }),
  exampleHandle({ service: 'dmi-1', dataProducerId: 'p2' }),
  exampleHandle({ service: 'dmi-1', dataProducerId: 'p3', writeService: 'dmi-w' }),
  exampleHandle({ service: 'dmi-2', dataProducerId: '' }),
  exampleHandle({ ready: false }),
  undefined,
]
export const PLACES = handles.length

export function findHandle(name: string): Handle | undefined {
  return handles[Number(name.slice(1))]
}
