/** What came of the jobs, as any consumer of the topic and any reader of the bucket would see it. */
import type { InputRecord } from '../../kafka/port.ts'
import { objectPrefix } from '../../sinks/s3/object-keys.ts'
import type { Cli } from '../cli.ts'
import { kafkaClient } from '../connections.ts'
import type { BucketStore } from '../results/bucket-store.ts'
import { type Manifest, readManifest } from '../results/manifest.ts'
import { readTopic } from '../results/read-topic.ts'
import { isCompletion } from '../../results/result-event.ts'
import type { DemoJob, DemoNames } from './demo-jobs.ts'
import type { DemoEnvironment } from './environment.ts'

/** An object as it was read back. */
export interface ReadObject {
  readonly key: string
  readonly value: Buffer
}

export interface ConsumedObjects {
  readonly keys: readonly string[]
  readonly objects: readonly ReadObject[]
  /** Undefined when there is none. */
  readonly manifest: Manifest | undefined
}

export interface Consumed {
  readonly records: readonly InputRecord[]
  readonly bucket: ConsumedObjects
}

const CONSUME_MS_MAX = 60_000

/** Reads all of the topic and of the bucket, the jobs having ended. Throws CommandFailure or KafkaFailure. */
export async function consume(
  cli: Cli,
  environment: DemoEnvironment,
  names: DemoNames,
  jobs: readonly DemoJob[],
): Promise<Consumed> {
  const toTopic = jobs.filter(({ destination }) => destination.startsWith('kafka:')).length
  const [records, bucket] = await Promise.all([
    consumeTopic(cli, environment, names.topic, toTopic),
    consumeBucket(
      environment.store,
      names.bucket,
      jobs.find(({ destination }) => destination.startsWith('s3:'))?.jobId ?? '',
    ),
  ])
  return { records, bucket }
}

async function consumeTopic(
  { timers }: Cli,
  { config }: DemoEnvironment,
  topic: string,
  completions: number,
): Promise<readonly InputRecord[]> {
  const records: InputRecord[] = []
  await readTopic({
    kafka: kafkaClient(config),
    topic,
    timers,
    timeoutMs: CONSUME_MS_MAX,
    take: (record) => {
      records.push(record)
    },
    isEnough: () => records.filter(isCompletion).length >= completions,
  })
  return records
}

async function consumeBucket(store: BucketStore, bucket: string, jobId: string): Promise<ConsumedObjects> {
  const [listed, manifest] = await Promise.all([
    store.list(bucket, `${objectPrefix(jobId)}/`),
    readManifest(store, bucket, jobId),
  ])
  const named = manifest?.objects ?? []
  const objects = await Promise.all(
    named.map(async ({ key }) => ({ key, value: (await store.find(bucket, key)) ?? Buffer.of() })),
  )
  return { keys: listed.map(({ key }) => key), objects, manifest }
}
