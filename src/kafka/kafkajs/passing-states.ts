/**
 * What a broker says for a moment after it has started, a topic was created, or another broker has gone. Nothing was done;
 * kafkajs passes these on instead of asking again.
 */
export const passingStates: ReadonlySet<string> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'OFFSET_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'UNSTABLE_OFFSET_COMMIT',
])

/** How often, and how far apart, a call that met one of them is made again: some seconds in all. */
export const PASSING_ATTEMPTS_MAX = 50
export const PASSING_INTERVAL_MS = 100
