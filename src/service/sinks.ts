/** Opens the places that results go to. */
import type { Config } from '../config/config.ts'
import type { Sinks } from '../effects/sink-choice.ts'
import type { OutputRefusal } from '../kafka/lane-life.ts'
import { systemClock } from '../runtime/clock.ts'
import { kafkaSinkDefaults } from '../sinks/kafka/config.ts'
import { KafkaSink } from '../sinks/kafka/sink.ts'
import { s3Client } from '../sinks/s3/client.ts'
import { s3SinkDefaults } from '../sinks/s3/config.ts'
import { ResultObjects } from '../sinks/s3/result-objects.ts'
import { S3Sink } from '../sinks/s3/sink.ts'
import type { Connections } from './connections.ts'

export interface OpenedSinks {
  readonly sinks: Sinks
  readonly onRefusal: (refusal: OutputRefusal) => void
  readonly bucketExists: (name: string) => Promise<boolean>
  /** What is in the buckets, for REST. */
  readonly objects: ResultObjects
}

export function openSinks(config: Config, { admin, topics }: Connections): OpenedSinks {
  const topic = new KafkaSink({
    admin,
    clock: systemClock,
    config: { ...kafkaSinkDefaults, valueBytesMax: config.eventBytesMax },
  })
  const s3Config = {
    ...s3SinkDefaults,
    endpoint: config.s3Endpoint,
    region: config.s3Region,
    accessKey: config.s3AccessKey,
    secretKey: config.s3SecretKey,
  }
  const client = s3Client(s3Config)
  // Signing asks nobody: it takes the endpoint as a name that clients use.
  const signer = config.s3PublicEndpoint === '' ? client : s3Client({ ...s3Config, endpoint: config.s3PublicEndpoint })
  const objects = new ResultObjects({ client, signer, clock: systemClock, linkValidityS: config.linkValidityS })
  const bucket = new S3Sink({ client, clock: systemClock, config: s3Config })
  return {
    sinks: { topic, bucket, resultsTopic: topics.results },
    onRefusal: (refusal) => {
      topic.refused(refusal)
    },
    bucketExists: (name) => client.bucketExists(name),
    objects,
  }
}
