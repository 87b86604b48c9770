/**
 * Stands in for kcat where it is not installed: a program that takes the options of kcat that the examples use, and no others,
 * and does with them through kafkajs what kcat does. It is no proof that the examples run with kcat itself; that one is
 * test/integration/examples.test.ts on a machine that has kcat.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { crc32 } from 'node:zlib'
import { type ICustomPartitioner, Kafka, logLevel } from 'kafkajs'
import { amendKafkajs } from '../../src/kafka/kafkajs/amendments.ts'

interface Place {
  readonly kafka: Kafka
  readonly topic: string
}

/** librdkafka's `consistent_random`: CRC32 of the key; without a key, any partition. */
const consistentRandom: ICustomPartitioner = () => ({ message: { key }, partitionMetadata: { length: count } }) =>
  key === null || key === undefined || key.length === 0 ? randomInt(count) : crc32(key) % count

/** `-P`: each line of stdin is a message. */
async function produce({ kafka, topic }: Place, key: string | undefined): Promise<void> {
  const lines = (await text(process.stdin)).split('\n').filter((line) => line !== '')
  const producer = kafka.producer({ createPartitioner: consistentRandom })
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: lines.map((value) => ({ key: key ?? null, value })) })
  await producer.disconnect()
}

/** `-C -J`: prints each record as a line of JSON, until it is ended. */
async function consume({ kafka, topic }: Place, readUncommitted: boolean): Promise<void> {
  const consumer = kafka.consumer({ groupId: `kcat-stand-in-${randomUUID()}`, readUncommitted })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: ({ partition, message }) => {
      const { offset, timestamp, key, value, headers = {} } = message
      const flat = Object.entries(headers).flatMap(([name, each]) => [name, String(each)])
      const place = { topic, partition, offset: Number(offset), tstype: 'create', ts: Number(timestamp), broker: 1 }
      const record = { ...place, headers: flat, key: key?.toString() ?? null, payload: value?.toString() ?? null }
      process.stdout.write(`${JSON.stringify(record)}\n`)
      return Promise.resolve()
    },
  })
}

const { values } = parseArgs({
  options: {
    ...{ P: { type: 'boolean', short: 'P' }, C: { type: 'boolean', short: 'C' }, J: { type: 'boolean', short: 'J' } },
    ...{ q: { type: 'boolean', short: 'q' }, u: { type: 'boolean', short: 'u' } },
    ...{ b: { type: 'string', short: 'b' }, t: { type: 'string', short: 't' }, k: { type: 'string', short: 'k' } },
    ...{ o: { type: 'string', short: 'o' }, X: { type: 'string', short: 'X', multiple: true } },
  },
})
const { P: isProducer, C: isConsumer, J: isJson, b: brokers = '', t: topic = '', k: key, o: from, X: properties = [] } = values
amendKafkajs()
const place = { kafka: new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING, retry: { retries: 2 } }), topic }
const unknown = properties.filter((property) => !/^isolation\.level=read_(?:un)?committed$/.test(property))
if (unknown.length > 0) throw new Error(`the stand-in does not know ${unknown.join(', ')}`)
if (isProducer === true && isConsumer !== true) await produce(place, key)
else if (isConsumer === true && isJson === true && from === 'beginning') {
  // librdkafka reads committed records unless it is told otherwise.
  await consume(place, properties.includes('isolation.level=read_uncommitted'))
} else throw new Error('the stand-in produces with -P, or consumes with -C -J -o beginning')
