import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What `/metrics` shows of the stages. Names follow Prometheus: base units, `_total` for counters. */
export interface StageMetrics {
  readonly registry: Registry
  readonly turns: Histogram<'stage'>
  readonly turnInputs: Counter<'stage'>
  readonly turnRecords: Counter<'stage'>
  readonly deadLetters: Counter<'stage'>
  readonly laneFailures: Counter<'stage' | 'code'>
  readonly lanesFenced: Counter<'stage'>
  readonly lanes: Gauge<'stage'>
  readonly consumerCrashes: Counter<'stage'>
  readonly standstills: Counter<'kind' | 'consequence'>
  readonly eventLoopStalls: Counter<'cause'>
  readonly dmiCalls: Histogram<'call' | 'outcome'>
  readonly publications: Counter<'sink' | 'outcome'>
  readonly resultTopicEvents: Counter<'outcome'>
}

export function createMetrics(): StageMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const stage = ['stage'] as const
  return {
    registry,
    turns: new Histogram({
      ...{ name: 'datajob_turn_seconds', labelNames: stage, buckets: SECONDS, registers },
      help: 'Time from the start of a turn to its committed transaction.',
    }),
    turnInputs: new Counter({ name: 'datajob_turn_inputs_total', help: 'Records taken in.', labelNames: stage, registers }),
    turnRecords: new Counter({ name: 'datajob_turn_records_total', help: 'Records written.', labelNames: stage, registers }),
    deadLetters: new Counter({
      ...{ name: 'datajob_dead_letters_total', labelNames: stage, registers },
      help: 'Records that were set aside because they could not be understood or were invalid.',
    }),
    laneFailures: new Counter({
      ...{ name: 'datajob_lane_failures_total', labelNames: ['stage', 'code'] as const, registers },
      help: 'Times that a lane started again after an error, by error code.',
    }),
    lanesFenced: new Counter({
      ...{ name: 'datajob_lanes_fenced_total', labelNames: stage, registers },
      help: 'Times that a lane found that another process had taken it over.',
    }),
    lanes: new Gauge({ name: 'datajob_lanes', help: 'Lanes that this process owns.', labelNames: stage, registers }),
    consumerCrashes: new Counter({
      ...{ name: 'datajob_consumer_crashes_total', labelNames: stage, registers },
      help: 'Times that a consumer died and was replaced.',
    }),
    standstills: new Counter({
      ...{ name: 'datajob_standstills_total', labelNames: ['kind', 'consequence'] as const, registers },
      help: 'Things that stood still with work to do (lane, effect, consumer, reader), by what was done (wait, restart, exit).',
    }),
    eventLoopStalls: new Counter({
      ...{ name: 'datajob_event_loop_stalls_total', labelNames: ['cause'] as const, registers },
      help: 'Times that the event loop did nothing for more than a second, by cause (blocked, stopped).',
    }),
    dmiCalls: new Histogram({
      ...{ name: 'datajob_dmi_call_seconds', labelNames: ['call', 'outcome'] as const, buckets: SECONDS, registers },
      help: 'Calls to DMI services, by call and by outcome (ok, retry, reject).',
    }),
    publications: new Counter({
      ...{ name: 'datajob_publications_total', labelNames: ['sink', 'outcome'] as const, registers },
      help: 'Results of subjobs handed to a sink, by outcome (ok, retry, reject).',
    }),
    resultTopicEvents: new Counter({
      ...{ name: 'datajob_result_topic_events_total', labelNames: ['outcome'] as const, registers },
      help: "Events on plugins' own topics, by outcome (taken, foreign, unreadable, unclaimed).",
    }),
  }
}
