/** Knows the model and finds what a run broke of the promises: every operation told once, completion last, nothing made up. */
import type { Job, JobState } from '../../src/domain/job.ts'
import type { SubmitJob } from '../../src/domain/messages.ts'
import { isSuccess } from '../../src/domain/response-code.ts'
import { DEAD_LETTER_HEADERS } from '../../src/kafka/turn-recorder.ts'
import { type ExpectedCommands, expectedCommands, placeOf, staysHeld, triesMax } from './accepted-jobs.ts'
import type { SimulatedBucket, Writing } from './bucket.ts'
import { violationsInCallbacks } from './check-callbacks.ts'
import { violationsInCalls } from './check-calls.ts'
import { violationsInCounts, violationsOfCancellations, violationsOfDependencies, wordDiffers } from './check-counts.ts'
import { violationsOfYields } from './check-generated.ts'
import { violationsOfHolding, violationsOfPausedDefinitions } from './check-held.ts'
import { violationsOfSteps } from './check-steps.ts'
import { differences } from './differences.ts'
import { codeOf, type OperationResult } from './dmi.ts'
import type { ResultValue } from './effects.ts'
import { grown } from './generated.ts'
import { jobChanges } from './job-changes.ts'
import { decode } from './service.ts'
import { findHandle, RESULT_TOPIC, TOPICS } from './settings.ts'
import { entriesLeft } from './settled.ts'
import type { World } from './world.ts'

/** Codes of operations whose producer was asked and could not do its work. */
const FAILED_CALLS: readonly number[] = [102, 104, 107, 108]

export function violationsIn(world: World): { readonly violations: readonly string[]; readonly jobs: number } {
  const jobs = jobChanges(world)
  const latest = jobs.flatMap(([job]) => (job === undefined ? [] : [job]))
  const commands = asGrown(expectedCommands(world), latest)
  const violations = [
    ...forwardings(commands),
    ...deadLetters(world, commands),
    ...jobs.flatMap((changes) => lifeOf(changes, commands)),
    ...[...commands.accepted].flatMap(([jobId, submission]) => {
      const last = jobs.find(([job]) => job?.jobId === jobId)?.[0]
      if (last !== undefined && staysHeld(last, commands)) return []
      return last?.state === 'ended' ? endingOf(world, submission, last) : [`job ${jobId} was accepted and is ${last?.state ?? 'unknown'}`]
    }),
    ...shownTwice(world),
    ...violationsInCalls(world, latest, commands),
    ...violationsInCounts(world, latest.filter((job) => !staysHeld(job, commands)), commands),
    ...violationsOfCancellations(world),
    ...violationsOfDependencies(world),
    ...violationsOfSteps(world, commands, latest),
    ...violationsOfYields(world, commands, latest),
    ...violationsOfHolding(world, commands, latest),
    ...violationsOfPausedDefinitions(world),
    ...violationsInCallbacks(world, commands, latest),
    ...leftovers(world, commands),
  ]
  return { violations, jobs: commands.accepted.size }
}

/** With all that their steps have yielded, by what the jobs say of it. */
function asGrown(commands: ExpectedCommands, jobs: readonly Job[]): ExpectedCommands {
  const generated = new Map<string, Job['generated']>(jobs.map((job) => [job.jobId, job.generated]))
  const accepted = [...commands.accepted].map(([jobId, submission]) => [jobId, grown(submission, generated.get(jobId) ?? [])] as const)
  return { ...commands, accepted: new Map(accepted) }
}

function forwardings({ forwarded, arrivedFrom }: ExpectedCommands): readonly string[] {
  return differences('forwarded commands', [...forwarded], arrivedFrom)
}

function deadLetters({ broker }: World, { setAside }: ExpectedCommands): readonly string[] {
  const places = broker.logsOf(TOPICS.deadLetters).flatMap((log) =>
    log.committed().flatMap(({ headers }) => {
      // Of callbacks these are a matter of their own.
      if (headers[DEAD_LETTER_HEADERS.topic] === TOPICS.callbacks) return []
      return `${headers[DEAD_LETTER_HEADERS.topic]}-${headers[DEAD_LETTER_HEADERS.partition]}-${headers[DEAD_LETTER_HEADERS.offset]}`
    }),
  )
  return differences('dead letters', [...setAside], places)
}

const ranks: Record<JobState, number> = { accepted: 0, running: 1, cancelling: 2, concluding: 3, ended: 4 }

function lifeOf(changes: readonly Job[], { accepted }: ExpectedCommands): readonly string[] {
  const violations: string[] = []
  const jobId = changes[0]?.jobId ?? ''
  if (!accepted.has(jobId)) violations.push(`job ${jobId} was made up`)
  const steps = changes.map(({ run, state }) => ({ run, rank: 10 * run + ranks[state], shown: `${state} in run ${run}` })).toReversed()
  if (steps.some(({ rank }, at) => at > 0 && rank < steps[at - 1]!.rank)) {
    violations.push(`job ${jobId} went ${steps.map(({ shown }) => shown).join(', ')}`)
  }
  // What is released of a job that has ended is said once more.
  const ends = changes.filter(({ state }, at) => state === 'ended' && changes[at + 1]?.state !== 'ended').map(({ run }) => run)
  if (new Set(ends).size < ends.length) violations.push(`job ${jobId} ended more than once in a run`)
  return violations
}

function endingOf(world: World, submission: SubmitJob, job: Job): readonly string[] {
  const { total, succeeded, failed } = job.operations
  const counts = succeeded + failed === total ? [] : [`job ${job.jobId} ended with ${succeeded} + ${failed} of ${total} operations`]
  if (job.destination.startsWith('kafka:')) return [...counts, ...topicOf(world, submission, job)]
  if (job.destination.startsWith('s3:')) return [...counts, ...bucketOf(world, submission, job)]
  return counts
}

function topicOf({ broker }: World, submission: SubmitJob, job: Job): readonly string[] {
  const records = broker.logsOf(RESULT_TOPIC).flatMap((log) => log.committed()).filter(({ key }) => key?.toString() === job.jobId)
  const values = records.map(({ value }) => JSON.parse(value?.toString() ?? '') as ResultValue)
  const results = values.flatMap((value) => (value.type === 'result' ? value.results : []))
  const completions = values.filter((value) => value.type === 'completion')
  const violations = [...reported(submission, job, results)]
  if (completions.length !== job.run) violations.push(`job ${job.jobId} was completed ${completions.length} times in ${job.run} runs`)
  const last = completions.at(-1)
  if (last !== undefined && wordDiffers(last, job)) violations.push(`job ${job.jobId} was completed with ${JSON.stringify(last)}`)
  if (values.at(-1)?.type !== 'completion') violations.push(`job ${job.jobId}: its completion is not the last record`)
  return violations
}

function bucketOf({ bucket }: World, submission: SubmitJob, job: Job): readonly string[] {
  const manifest = bucket.find(`${job.jobId}/manifest`)
  if (manifest === undefined) return [`job ${job.jobId} has no manifest`]
  const { objects, ...word } = JSON.parse(manifest.body) as Manifest
  if (objects.some((named) => isReplacedLate(bucket, named))) return []
  // Both may be written again, as they are, by one who does not know that they were.
  const toldAt = writingsOf(bucket, manifest)[0]?.writtenAt ?? 0
  const violations: string[] = []
  const results: OperationResult[] = []
  if (wordDiffers(word, job)) violations.push(`the manifest of job ${job.jobId} says ${JSON.stringify(word)}`)
  const found = bucket.list(`${job.jobId}/`).flatMap(({ key }) => (key === manifest.key ? [] : [key]))
  violations.push(...differences(`objects of job ${job.jobId}`, objects.map(({ key }) => key), found))
  for (const named of objects) {
    const { key, etag } = named
    const object = bucket.find(key)
    if (object?.etag !== etag) violations.push(`job ${job.jobId}: its manifest names ${key} ${etag}, there is ${object?.etag ?? 'none'}`)
    const [first] = writingsOf(bucket, named)
    if (first === undefined || first.writtenAt > toldAt) violations.push(`${key} ${etag} was written after its manifest`)
    results.push(...(JSON.parse(object?.body ?? '[]') as OperationResult[]))
  }
  return [...violations, ...reported(submission, job, results)]
}

type NamedObject = Pick<Writing, 'key' | 'etag'>

type Manifest = Extract<ResultValue, { type: 'completion' }> & { readonly objects: readonly NamedObject[] }

/** Those that the object is the content of. */
function writingsOf({ writings }: SimulatedBucket, { key, etag }: NamedObject): readonly Writing[] {
  return writings.filter((writing) => writing.key === key && writing.etag === etag)
}

// The boundary of the promise: an object is replaced by a writing that its last owner but one had begun before the object was
// there, for both have the same key. A writing that was begun later must have been stopped.
function isReplacedLate(bucket: SimulatedBucket, named: NamedObject): boolean {
  const found = bucket.find(named.key)
  const last = writingsOf(bucket, named).at(-1)
  return found !== undefined && last !== undefined && found.etag !== named.etag && found.begunAt <= last.writtenAt
}

/** Every operation once each time that it was to be done, at last with what became of it, and the counts of the job. */
function reported(submission: SubmitJob, job: Job, results: readonly OperationResult[]): readonly string[] {
  const expected = submission.operations.map(({ operationId }) => String(operationId))
  const codes = new Map<string, number[]>()
  for (const { operationId, code } of results) codes.set(String(operationId), [...(codes.get(String(operationId)) ?? []), code])
  const violations = [...differences(`operations of job ${job.jobId}`, expected, [...codes.keys()])]
  for (const [operationId, said] of codes) {
    // What was done is not done again.
    if (said.length > job.run * triesMax(submission) || said.slice(0, -1).some(isSuccess)) {
      violations.push(`job ${job.jobId}: operation ${operationId} was reported with ${said.join(', ')} in ${job.run} runs`)
    }
  }
  const pathOf = new Map(submission.operations.map((operation) => [operation.operationId, operation.path]))
  for (const { operationId, code } of results) {
    const handle = findHandle(pathOf.get(operationId) ?? '')
    const possible = handle === undefined ? [100, 104] : handle.ready ? [codeOf(operationId), ...FAILED_CALLS] : [101, 104]
    if (!possible.includes(code)) violations.push(`job ${job.jobId}: operation ${operationId} was reported with ${code}`)
  }
  const succeeded = results.filter(({ code }) => isSuccess(code)).length
  if (succeeded !== job.operations.succeeded) {
    violations.push(`job ${job.jobId} counts ${job.operations.succeeded} operations that succeeded, ${succeeded} were reported`)
  }
  return violations
}

function shownTwice({ broker, shown }: World): readonly string[] {
  const written = broker.logsOf(RESULT_TOPIC).flatMap((log) => log.committed().map(placeOf))
  return differences('records shown to a consumer', written, shown.map(placeOf))
}

/** Memory and changelogs hold nothing of what has ended. */
function leftovers(world: World, expected: ExpectedCommands): readonly string[] {
  // What failed of a job may be tried again for a while.
  const kept = new Set<string>()
  for (const record of world.broker.logsOf(TOPICS.jobs).flatMap((log) => log.committed())) {
    const decoded = decode(record)
    if (decoded.ok && decoded.message.type === 'JobChanged') {
      const { job } = decoded.message
      if (job.operations.failed > 0 || staysHeld(job, expected)) kept.add(job.jobId)
      else kept.delete(job.jobId)
    }
  }
  const isOf = (jobId: string, key: string): boolean => key.startsWith(`subjob:${jobId}/`) || key === `groups:${jobId}`
  const isExpected = (key: string): boolean => key.startsWith('job:') || [...kept].some((jobId) => isOf(jobId, key))
  return [TOPICS.coordinatorChangelog, TOPICS.dispatcherChangelog, TOPICS.notifierChangelog].flatMap((topic) =>
    entriesLeft(world, topic).filter((key) => !isExpected(key)).map((key) => `left over: ${topic} ${key}`),
  )
}
