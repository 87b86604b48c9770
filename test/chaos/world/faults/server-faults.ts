/** Faults of brokers, the schema registry and the object store. */
import { killServer, type OneServer, pauseServer, resumeServer, stopServer } from '../../../../stack/one-server.ts'
import { ensureStack } from '../../../../stack/stack.ts'
import { brokerNames } from '../../../../stack/state.ts'
import { pick } from '../chaos-job.ts'
import type { World } from '../world.ts'
import type { Fault, FaultContext } from './fault.ts'
import { during } from './victims.ts'

const STAGES = ['coordinator', 'dispatcher'] as const
const GROUPS_TOPIC = '__consumer_offsets'

function serverOf({ stack }: World, name: OneServer['name']): OneServer {
  return { folder: stack.folder ?? '', name }
}

function anyBroker({ world, chaos }: FaultContext): OneServer {
  return serverOf(world, pick(chaos, brokerNames.slice(0, world.options.brokers)))
}

const killed: Fault = {
  kind: 'broker kill -9',
  detail: '',
  run: async (context) => {
    const broker = anyBroker(context)
    const ms = context.chaos.between(0, 4_000)
    await killServer(broker)
    await during(ms, context.stop)
    await ensureStack(context.world.stack)
    return `${broker.name}, away for ${ms} ms and its start`
  },
}

const restarted: Fault = {
  kind: 'broker restart',
  detail: '',
  run: async (context) => {
    const broker = anyBroker(context)
    await stopServer(broker)
    await ensureStack(context.world.stack)
    return broker.name
  },
}

/** The broker that has a stage's group goes: another one takes the group over. */
const moved: Fault = {
  kind: 'coordinator move',
  detail: '',
  brokers: 3,
  run: async ({ world, chaos }) => {
    const group = `${world.installation.settings['DATAJOB_APPLICATION'] ?? ''}.${pick(chaos, STAGES)}`
    const leader = await leaderOf(world, group)
    const broker = serverOf(world, brokerNames[leader - 1] ?? 'kafka')
    await stopServer(broker)
    await ensureStack(world.stack)
    return `${group} from ${broker.name} to ${brokerNames[(await leaderOf(world, group)) - 1] ?? 'nobody'}`
  },
}

/** The broker of a group is the leader of the partition that Java's hash of the group's id names. */
async function leaderOf({ installation }: World, group: string): Promise<number> {
  const { topics } = await installation.withAdmin((admin) => admin.fetchTopicMetadata({ topics: [GROUPS_TOPIC] }))
  const partitions = topics[0]?.partitions ?? []
  let hash = 0
  for (const character of group) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0
  const partition = (hash & 0x7fffffff) % partitions.length
  return partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? -1
}

function hangs(kind: string, serverIn: (context: FaultContext) => OneServer): Fault {
  return {
    kind,
    detail: '',
    run: async (context) => {
      const server = serverIn(context)
      const ms = context.chaos.between(1_000, 8_000)
      await pauseServer(server)
      await during(ms, context.stop)
      await resumeServer(server)
      return `${server.name} for ${ms} ms`
    },
  }
}

export const serverFaults: readonly Fault[] = [
  ...[killed, killed, restarted, moved],
  hangs('broker hangs', anyBroker),
  hangs('object store hangs', ({ world }) => serverOf(world, 's3')),
  hangs('registry hangs', ({ world }) => serverOf(world, 'registry')),
]
