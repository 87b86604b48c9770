/** What an adapter behind src/kafka/port.ts promises when its broker goes away: whatever was open goes on, or fails in time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaAdmin, KafkaClient, Position, RecordProducer, TransactionalProducer } from '../../src/kafka/port.ts'
import { until } from '../harness/until.ts'
import { LaneProbe, type TailProbe, tailProbe, textRecords } from './kafka-probe.ts'

export interface Outage {
  readonly name: string
  /** Resolves once the broker serves again. */
  happen(): Promise<void>
}

export interface OutageHarness {
  /** Members of groups may be silent for 3 s. */
  readonly kafka: () => KafkaClient
  readonly outages: readonly Outage[]
}

const TOPIC = 'outages'
const GROUP = 'outages'
/** From the broker's return on: a session, a rebalance, and what the client waits between its attempts. */
const BACK_MS_MAX = 60_000
/** How long a call may be under way with nobody there to answer: all of a client's attempts at reaching a broker. */
const CALL_MS_MAX = 15_000
/** Two consumers, each with its calls, its fetches and its calls to the group's coordinator; a producer and an admin with one each. */
const SOCKETS_MAX = 8

export function exerciseOutages(name: string, harness: OutageHarness): void {
  describe(`${name}, while its broker goes away`, () => {
    let kafka: KafkaClient
    let admin: KafkaAdmin
    let producer: RecordProducer
    let tail: TailProbe
    let lanes: LaneProbe
    beforeAll(async () => {
      kafka = harness.kafka()
      admin = await kafka.admin()
      await admin.createTopics([{ name: TOPIC, partitions: 2, replicationFactor: -1, config: {} }])
      producer = await kafka.producer()
      tail = tailProbe(kafka, [TOPIC])
      await tail.reader.start()
      lanes = new LaneProbe(kafka, { groupId: GROUP, topics: [TOPIC] })
      await lanes.consumer.start()
      await lanes.watch.until(() => lanes.lanes.length === 2, () => 'no lanes')
      lanes.resumeAll([TOPIC])
      await seen('before', await written('before'))
    }, 240_000)

    afterAll(async () => {
      await Promise.all([lanes.consumer.stop(), tail.reader.stop(), producer.close(), admin.close()])
    }, 240_000)

    // What failed is tried again by the caller, as the port says.
    function written(value: string): Promise<readonly Position[]> {
      const records = [0, 1].flatMap((partition) => textRecords(TOPIC, partition, [value]))
      return until(`"${value}" is written`, () => producer.send(records).catch(() => null), BACK_MS_MAX)
    }

    async function seen(value: string, positions: readonly Position[]): Promise<void> {
      for (const { partition } of positions) {
        const missing = (who: string) => () => `${who} did not read "${value}" of partition ${partition}`
        await tail.watch.until(() => tail.values(TOPIC, partition).includes(value), missing('the tail reader'))
        await until(missing('the group')(), () => {
          // A crash or a rebalance leaves everything paused: whoever is assigned says what to read.
          lanes.resumeAll([TOPIC])
          return lanes.values(TOPIC, partition).includes(value)
        })
      }
    }

    function openProducer(): Promise<TransactionalProducer> {
      return until('a transactional producer', () => kafka.transactionalProducer('outages').catch(() => null), BACK_MS_MAX)
    }

    it.each(harness.outages.map((outage) => [outage.name, outage] as const))('%s: all that was open goes on', async (what, outage) => {
      const before = await openProducer()
      const happening = outage.happen()
      const called = performance.now()
      const answered = (calls: readonly Promise<unknown>[]): Promise<unknown> => Promise.allSettled(calls)
      await answered([
        admin.endOffsets(TOPIC),
        before.commit({ records: textRecords(TOPIC, 0, ['in between']), offsets: [], groupId: GROUP }),
      ])
      const tookMs = performance.now() - called
      await happening
      expect(tookMs, 'a call that nobody answers fails in time').toBeLessThan(CALL_MS_MAX)
      await before.close()
      await seen(what, await written(what))
      const after = await openProducer()
      await after.commit({
        records: textRecords(TOPIC, 1, [`${what}, committed`]),
        offsets: [{ topic: TOPIC, partition: 1, offset: 1 }],
        groupId: GROUP,
      })
      await tail.watch.until(() => tail.values(TOPIC, 1).includes(`${what}, committed`), () => 'the transaction is not seen')
      await after.close()
      expect(await admin.topicExists(TOPIC)).toBe(true)
      expect([...tail.crashes, ...lanes.crashes]).toEqual([])
      await until(`no more than ${SOCKETS_MAX} sockets`, () => sockets() <= SOCKETS_MAX, BACK_MS_MAX)
    }, 240_000)
  })
}

function sockets(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length
}
