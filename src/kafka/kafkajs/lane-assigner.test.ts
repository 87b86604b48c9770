import { AssignerProtocol, type Assigner, type Cluster, type GroupMember, type Logger, type PartitionMetadata } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { type LaneClaim, laneAssigner, PartitionCountsDiffer, parseClaim } from './lane-assigner.ts'

const unclaimed: LaneClaim = { generation: -1, lanes: [] }

function assignerOver(partitions: Readonly<Record<string, number>>, claim: LaneClaim = unclaimed): Assigner {
  const metadataOf = (topic: string): PartitionMetadata[] =>
    Array.from({ length: partitions[topic] ?? 0 }, (_, partitionId) => {
      return { partitionErrorCode: 0, partitionId, leader: 1, replicas: [1], isr: [1] }
    })
  const cluster = { findTopicPartitionMetadata: metadataOf } as unknown as Cluster
  return laneAssigner(() => claim)({ cluster, groupId: 'group', logger: {} as Logger })
}

const joining = (memberId: string, assigner: Assigner, topics: string[]): GroupMember => {
  return { memberId, memberMetadata: assigner.protocol({ topics }).metadata }
}

async function assigned(assigner: Assigner, members: GroupMember[], topics: string[]): Promise<Record<string, unknown>> {
  const assignments = await assigner.assign({ members, topics })
  return Object.fromEntries(
    assignments.map(({ memberId, memberAssignment }) => [memberId, AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment]),
  )
}

describe('the lane assigner', () => {
  it('gives the same partitions of all topics to a member, those it claims first', async () => {
    const topics = ['commands', 'changelog']
    const partitions = { commands: 4, changelog: 4 }
    const owner = assignerOver(partitions, { generation: 7, lanes: [3, 1] })
    const members = [joining('new', assignerOver(partitions), topics), joining('owner', owner, topics)]
    expect(await assigned(assignerOver(partitions), members, topics)).toEqual({
      owner: { commands: [1, 3], changelog: [1, 3] },
      new: { commands: [0, 2], changelog: [0, 2] },
    })
  })

  it('gives a member lanes of the topics that it reads, while an upgrade is under way', async () => {
    const partitions = { commands: 2, added: 2 }
    const assigner = assignerOver(partitions)
    const members = [joining('new', assigner, ['commands', 'added']), joining('old', assigner, ['commands'])]
    expect(await assigned(assigner, members, ['commands', 'added'])).toEqual({
      new: { commands: [0], added: [0] },
      old: { commands: [1] },
    })
  })

  it('refuses to join with topics of different sizes, and names them', () => {
    const assigner = assignerOver({ commands: 6, changelog: 4 })
    const join = (): unknown => assigner.protocol({ topics: ['commands', 'changelog'] })
    expect(join).toThrow(PartitionCountsDiffer)
    expect(join).toThrow('commands has 6, changelog has 4')
  })

  it.each(['', '{', 'null', '[]', '{"generation":1}', '{"generation":"1","lanes":[]}', '{"generation":1,"lanes":[0.5]}'])(
    'takes %j for no claim',
    (text) => {
      expect(parseClaim(Buffer.from(text))).toEqual(unclaimed)
    },
  )
})
