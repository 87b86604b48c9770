/**
 * Prints the events of a job, with headers, from the beginning of the topic up to the job's completion event, in plain kafkajs.
 * docs/results.md describes what is read here. JOB_ID names the job.
 */
import { randomUUID } from 'node:crypto'
import { type IHeaders, Kafka, logLevel } from 'kafkajs'

/** What stands in the place of a result that is larger than an event may be. */
interface PartsReference {
  readonly id: string
  readonly count: number
  readonly bytes: number
}

interface WithResult {
  readonly result?: unknown
  readonly resultParts?: PartsReference
}

interface Response extends WithResult {
  readonly operationId: string | number
  readonly statusCode: number
  readonly statusMessage: string
}

/** Of all kinds of events; the completion event has no responses, but a status and counts. */
interface EventValue {
  readonly data: WithResult & {
    readonly responses?: readonly Response[]
    readonly part?: string
    readonly status?: string
    readonly counts?: object
  }
}

const brokers = (process.env['DATAJOB_KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',')
const topic = process.env['TOPIC'] ?? `${process.env['DATAJOB_TOPIC_PREFIX'] ?? 'datajob.'}results`
const jobId = process.env['JOB_ID']
if (jobId === undefined) throw new Error('JOB_ID is not set: it names the job whose events you want')

// A group of its own begins at the beginning. Name one, and commit offsets, to go on where you stopped.
const kafka = new Kafka({ clientId: 'datajob-example', brokers, logLevel: logLevel.ERROR })
const consumer = kafka.consumer({ groupId: `datajob-example-${randomUUID()}`, readUncommitted: false })

// Where transactions overlap, kafkajs 2.2.4 shows records of aborted ones too. Written again, an event has the same ce_id.
const seen = new Set<string>()
const parts = new Map<string, Buffer[]>()
const completed = Promise.withResolvers<undefined>()

function textsOf(headers: IHeaders = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

/** Puts a result together; its parts come in order, behind the event that refers to them. */
function takePart(id: string, count: number, part: string): void {
  const pieces = parts.get(id) ?? []
  pieces.push(Buffer.from(part, 'base64'))
  parts.set(id, pieces)
  if (pieces.length < count) return
  parts.delete(id)
  const whole = Buffer.concat(pieces)
  console.log(`  result ${id}, ${whole.length} bytes in ${count} parts: ${whole.toString().slice(0, 60)}…`)
}

/** Whether it was the job's last event. */
function take(headers: Readonly<Record<string, string>>, { data }: EventValue): boolean {
  for (const [name, value] of Object.entries(headers)) console.log(`  ${name}: ${value}`)
  const { ce_partof: partOf, ce_partcount: partCount } = headers
  if (partOf !== undefined) takePart(partOf, Number(partCount), data.part ?? '')
  for (const { operationId, statusCode, statusMessage, result, resultParts } of data.responses ?? []) {
    const what = resultParts === undefined ? JSON.stringify(result) : `comes in parts as ${resultParts.id}`
    console.log(`  operation ${operationId}: ${statusCode} ${statusMessage} ${what}`)
  }
  // A plugin may answer with one value for all operations of a subjob.
  if (data.result !== undefined) console.log(`  result of all of these: ${JSON.stringify(data.result)}`)
  if (data.resultParts !== undefined) console.log(`  result of all of these: comes in parts as ${data.resultParts.id}`)
  if (data.status === undefined) return false
  console.log(`  the job is ${data.status}: ${JSON.stringify(data.counts)}`)
  return true
}

await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachMessage: ({ partition, message }) => {
    const headers = textsOf(message.headers)
    const { ce_id: id = '', ce_correlationid: job } = headers
    if (job !== jobId || seen.has(id) || message.value === null) return Promise.resolve()
    seen.add(id)
    console.log(`\n${topic}[${partition}]@${message.offset}`)
    if (take(headers, JSON.parse(message.value.toString()) as EventValue)) completed.resolve(undefined)
    return Promise.resolve()
  },
})
await completed.promise
await consumer.disconnect()
