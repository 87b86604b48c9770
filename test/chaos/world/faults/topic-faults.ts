/** Faults of consumer groups, and of what is on topics. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Partitioners } from 'kafkajs'
import { createKafkaClient } from '../../../../src/kafka/kafkajs/client.ts'
import type { KafkaClient } from '../../../../src/kafka/port.ts'
import { topicNames } from '../../../../src/kafka/topics.ts'
import { QUICK_SESSIONS } from '../../../harness/chaos.ts'
import { pick } from '../chaos-job.ts'
import { POISON } from '../poison.ts'
import type { World } from '../world.ts'
import type { Fault } from './fault.ts'

const MEMBER_MS = 2_000

const ignore = (): void => undefined

/** Members that take lanes and do nothing with them. */
const storm: Fault = {
  kind: 'rebalance storm',
  detail: '',
  run: async ({ world, chaos, stop }) => {
    const { settings, prefix } = world.installation
    const { commands, subjobEvents, coordinatorChangelog, subjobs, dispatcherChangelog, callbacks, notifierChangelog } = topicNames(prefix)
    const [stage, topics] = pick(chaos, [
      ['coordinator', [commands, subjobEvents, coordinatorChangelog]],
      ['dispatcher', [subjobs, dispatcherChangelog]],
      ['notifier', [callbacks, notifierChangelog]],
    ] as const)
    const kafka = clientOf(world)
    const groupId = `${settings['DATAJOB_APPLICATION'] ?? ''}.${stage}`
    const times = chaos.between(3, 6)
    let n = 0
    for (; n < times && !stop.aborted; n += 1) {
      const events = { assigned: ignore, confirmed: ignore, records: ignore, crashed: ignore }
      const member = kafka.laneConsumer({ groupId, topics, events })
      await member.start().catch(ignore)
      await sleep(MEMBER_MS)
      await member.stop().catch(ignore)
    }
    return `${n} members came to ${stage} and went`
  },
}

function clientOf({ installation }: World): KafkaClient {
  return createKafkaClient({
    brokers: (installation.settings['DATAJOB_KAFKA_BROKERS'] ?? '').split(','),
    clientId: 'storm',
    logger: { debug: ignore, info: ignore, warn: ignore },
    sessionTimeoutMs: Number(QUICK_SESSIONS.DATAJOB_SESSION_TIMEOUT_MS),
    heartbeatIntervalMs: Number(QUICK_SESSIONS.DATAJOB_HEARTBEAT_INTERVAL_MS),
  })
}

const poison: Fault = {
  kind: 'poison records',
  detail: '',
  run: async ({ world, chaos }) => {
    const { installation } = world
    const producer = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    try {
      for (const kind of POISON) {
        const key = kind.key ?? (chaos.chance(0.5) ? null : `poison-${chaos.between(0, 1_000)}`)
        const messages = [{ key, value: kind.value }]
        const [sent] = await producer.send({ topic: `${installation.prefix}commands`, acks: -1, messages })
        world.poison.push({ ...kind, partition: sent?.partition ?? -1, offset: Number(sent?.baseOffset) })
      }
    } finally {
      await producer.disconnect()
    }
    return `${POISON.length} kinds`
  },
}

export const topicFaults: readonly Fault[] = [storm, poison]
