import kafkajs, { AssignerProtocol, type Cluster, type PartitionAssigner } from 'kafkajs'
import { assignLanes, type LaneMember } from './assign-lanes.ts'

/** What a member says it owns when it joins, and since which generation of the group. */
export interface LaneClaim {
  readonly generation: number
  readonly lanes: readonly number[]
}

/** A setting that no retry heals. kafkajs gives up at once on errors of this kind. */
export class PartitionCountsDiffer extends kafkajs.KafkaJSNonRetriableError {
  override readonly name = 'PartitionCountsDiffer'
}

const PROTOCOL_NAME = 'datajob-lanes'
const PROTOCOL_VERSION = 1

/**
 * Gives out lanes: the same partition number of every topic goes to one member, and stays there as long as the balance
 * allows ({@link assignLanes}). `claim` is asked each time the member joins.
 */
export function laneAssigner(claim: () => LaneClaim): PartitionAssigner {
  return ({ cluster }) => ({
    name: PROTOCOL_NAME,
    version: PROTOCOL_VERSION,

    protocol({ topics }) {
      countLanes(cluster, topics)
      const userData = Buffer.from(JSON.stringify(claim()))
      const metadata = AssignerProtocol.MemberMetadata.encode({ version: PROTOCOL_VERSION, topics, userData })
      return { name: PROTOCOL_NAME, metadata }
    },

    assign({ members, topics }) {
      const decoded = members.map(({ memberId, memberMetadata }) => decodeMember(memberId, memberMetadata, topics))
      const lanes = assignLanes(countLanes(cluster, topics), decoded)
      const assignments = decoded.map((member) => ({
        memberId: member.memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: PROTOCOL_VERSION,
          assignment: Object.fromEntries(member.topics.map((topic) => [topic, [...(lanes.get(member.memberId) ?? [])]])),
          userData: Buffer.alloc(0),
        }),
      }))
      return Promise.resolve(assignments)
    },
  })
}

function countLanes(cluster: Cluster, topics: readonly string[]): number {
  const counts = topics.map((topic) => ({ topic, partitions: cluster.findTopicPartitionMetadata(topic).length }))
  const first = counts[0]
  if (first === undefined) return 0
  if (counts.some(({ partitions }) => partitions !== first.partitions)) {
    const list = counts.map(({ topic, partitions }) => `${topic} has ${partitions}`).join(', ')
    throw new PartitionCountsDiffer(`topics of one group must have the same number of partitions, but ${list}: create them anew`)
  }
  return first.partitions
}

interface DecodedMember extends LaneMember {
  readonly topics: readonly string[]
}

// During an upgrade members may read different topics; each gets its lanes of the topics that it reads.
function decodeMember(memberId: string, metadata: Buffer, ownTopics: readonly string[]): DecodedMember {
  const decoded = AssignerProtocol.MemberMetadata.decode(metadata)
  return { memberId, topics: decoded?.topics ?? ownTopics, ...parseClaim(decoded?.userData) }
}

/** Reads what another member claims; anything that is not a claim counts as none. */
export function parseClaim(userData: Buffer | undefined): LaneClaim {
  try {
    const value: unknown = JSON.parse(userData?.toString('utf8') ?? '')
    if (typeof value === 'object' && value !== null && 'generation' in value && 'lanes' in value) {
      const { generation, lanes } = value
      if (typeof generation === 'number' && Array.isArray(lanes) && lanes.every((lane) => Number.isInteger(lane))) {
        return { generation, lanes: lanes as number[] }
      }
    }
  } catch {
    // Not JSON: a member with another protocol, or a damaged claim. It starts without lanes.
  }
  return { generation: -1, lanes: [] }
}
