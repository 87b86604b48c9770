import { type Destination, destinationName } from '../domain/destination.ts'
import type { Sink } from '../sinks/sink.ts'

/** The sinks by what a destination may be, and the topic that keeps results of jobs that name none. */
export interface Sinks {
  readonly topic: Sink
  readonly bucket: Sink
  readonly resultsTopic: string
}

export interface SinkChoice {
  readonly sink: Sink
  /** The topic or bucket that is written to. */
  readonly name: string
}

export function sinkFor(sinks: Sinks, destination: Destination): SinkChoice {
  if (destination.type === 'none') return { sink: sinks.topic, name: sinks.resultsTopic }
  return { sink: sinks[destination.type], name: destinationName(destination) }
}
