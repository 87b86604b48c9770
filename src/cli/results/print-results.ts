import { parseDestination } from '../../domain/destination.ts'
import { delay } from '../../runtime/clock.ts'
import { objectPrefix, manifestKey } from '../../sinks/s3/object-keys.ts'
import type { Cli } from '../cli.ts'
import { brokersOverride, kafkaClient, loadSettings, serviceClient } from '../connections.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note } from '../options.ts'
import { formatNumberOf } from '../output/units.ts'
import { exitCodeOf } from '../service/job-view.ts'
import { BucketStore } from './bucket-store.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { readTopic } from './read-topic.ts'
import { isCompletion, jobIdOf } from '../../results/result-event.ts'
import type { ResultsOptions } from './results-options.ts'
import { type ResultPrinter, resultPrinter } from './result-printer.ts'
import { WholeEvents } from '../../results/whole-events.ts'

interface Search {
  readonly cli: Cli
  readonly jobId: string
  readonly options: ResultsOptions
  readonly name: string
  /** The service says so; then nothing more will come. */
  readonly hasEnded: boolean
  readonly printer: ResultPrinter
}

/** Carries out `datajob results`. Throws CommandFailure or KafkaFailure. */
export async function printResults(cli: Cli, jobId: string, options: ResultsOptions): Promise<ExitCode> {
  const { text, hasEnded } = await destinationOf(cli, jobId, options)
  // Bare names are not taken, so what they mean does not matter; the service's own topics may be read by anyone.
  const parsed = parseDestination(text, { bareNameIs: 'topic', topicPrefix: '\0' })
  if (!parsed.ok) throw new CommandFailure(ExitCode.Usage, parsed.message)
  const { destination } = parsed
  if (destination.type === 'none') throw new CommandFailure(ExitCode.NotFound, `the results of ${jobId} went nowhere`)
  const search: Search = {
    cli,
    jobId,
    options,
    name: destination.name,
    hasEnded,
    printer: resultPrinter(cli.screen.out, options),
  }
  if (destination.type === 'topic') await printTopic(search)
  else await printBucket(search)
  return ExitCode.Ok
}

async function destinationOf(
  cli: Cli,
  jobId: string,
  options: ResultsOptions,
): Promise<{ text: string; hasEnded: boolean }> {
  const { destination } = options
  if (destination !== undefined) {
    if (/^(kafka|s3):/.test(destination)) return { text: destination, hasEnded: false }
    throw new CommandFailure(ExitCode.Usage, `--destination is "${destination}", but must be kafka:TOPIC or s3:BUCKET`)
  }
  const job = await serviceClient(cli, options).job(jobId)
  // A job without a destination has its results on a topic of the service, which is its resultsuri.
  return { text: job.destination ?? job.resultsuri, hasEnded: exitCodeOf(job) !== null }
}

async function printTopic({ cli, jobId, options, name, hasEnded, printer }: Search): Promise<void> {
  const config = await loadSettings(cli, brokersOverride(options))
  const seen = { events: 0, isComplete: false }
  const whole = new WholeEvents(printer.event)
  await readTopic({
    kafka: kafkaClient(config),
    topic: name,
    timers: cli.timers,
    timeoutMs: options.timeout ?? null,
    take: (record) => {
      if (jobIdOf(record) !== jobId) return
      seen.events += 1
      seen.isComplete ||= isCompletion(record)
      if (options.headers === true) printer.event(record)
      else whole.take(record)
    },
    isEnough: () => seen.isComplete || hasEnded || !options.wait,
  }).finally(() => {
    whole.end()
  })
  note(cli, `${formatNumberOf(seen.events, 'event')} on topic ${name}`)
  if (seen.isComplete || (seen.events > 0 && !hasEnded)) return
  const missing = seen.events === 0 ? `nothing of job ${jobId} is` : `the last event of job ${jobId} is not`
  throw new CommandFailure(ExitCode.NotFound, `${missing} on topic ${name}`, {
    hint: 'Topics keep events for a limited time.',
  })
}

// An object is shown from memory, and no terminal is the place for a larger one.
const SHOWN_BYTES_MAX = 64 * 1024 * 1024

async function printBucket(search: Search): Promise<void> {
  const { cli, jobId, name, printer } = search
  const store = new BucketStore(await loadSettings(cli))
  const manifest = await awaitManifest(search, store)
  const objects = manifest?.objects ?? (await store.list(name, `${objectPrefix(jobId)}/`))
  for (const { key, bytes } of objects) {
    const value = bytes > SHOWN_BYTES_MAX ? null : await store.get(name, key)
    printer.object({ bucket: name, key, bytes, value })
  }
  if (manifest !== undefined) printer.manifest({ bucket: name, key: manifestKey(jobId), manifest })
  note(
    cli,
    `${formatNumberOf(objects.length, 'object')} in bucket ${name}${manifest === undefined ? ', no manifest yet' : ''}`,
  )
  if (manifest === undefined && objects.length === 0) {
    throw new CommandFailure(ExitCode.NotFound, `nothing of job ${jobId} is in bucket ${name}`)
  }
}

const PAUSE_MS = 500

/** Undefined when none is there and none is waited for. */
async function awaitManifest(
  { cli, jobId, options, name, hasEnded }: Search,
  store: BucketStore,
): Promise<Manifest | undefined> {
  const giveUpAt = options.timeout === undefined ? Infinity : cli.clock.now() + options.timeout
  for (;;) {
    const manifest = await readManifest(store, name, jobId)
    if (manifest !== undefined || !options.wait) return manifest
    if (hasEnded) throw new CommandFailure(ExitCode.NotFound, `the manifest of job ${jobId} is not in bucket ${name}`)
    if (cli.clock.now() >= giveUpAt)
      throw new CommandFailure(ExitCode.Timeout, `job ${jobId} has no manifest in bucket ${name} yet`)
    await delay(cli.timers, PAUSE_MS)
  }
}
