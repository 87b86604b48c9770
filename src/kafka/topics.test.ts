import { describe, expect, it } from 'vitest'
import type { KafkaAdmin, TopicDescription, TopicSpec } from './port.ts'
import { applyTopics, describeTopics, TopicMismatchError, topicNames, topicSpecs } from './topics.ts'

const settings = { prefix: 'datajob.', partitions: 6, replicationFactor: -1 }

/** Topics in memory; a broker's defaults are not modelled, so a topic has the settings that it was created with. */
function adminOver(topics: TopicDescription[]): KafkaAdmin & { readonly created: TopicSpec[] } {
  const unused = (): never => {
    throw new Error('not used by topics.ts')
  }
  const created: TopicSpec[] = []
  return {
    created,
    describeTopics: (names) => Promise.resolve(topics.filter(({ name }) => names.includes(name))),
    createTopics(specs) {
      created.push(...specs)
      topics.push(...specs.map((spec) => ({ ...spec, replicationFactor: 1 })))
      return Promise.resolve()
    },
    ...{ clusterId: unused, endOffsets: unused, startOffsets: unused, offsetsAt: unused, committedOffsets: unused },
    ...{ topicIds: unused, topicExists: unused, dismissMember: unused, close: unused },
  }
}

const asCreated = (name: string, changes: Partial<TopicDescription> = {}): TopicDescription => {
  const spec = topicSpecs(settings).find((each) => each.name === name)
  if (spec === undefined) throw new Error(`${name} is not one of our topics`)
  return { ...spec, replicationFactor: 1, ...changes }
}

describe('the list of topics', () => {
  it('names every topic once, under the prefix', () => {
    const names = Object.values(topicNames('x.'))
    expect(new Set(names).size).toBe(names.length)
    expect(topicSpecs({ ...settings, prefix: 'x.' }).map(({ name }) => name)).toEqual(names)
    expect(names.every((name) => name.startsWith('x.'))).toBe(true)
  })

  it('gives all topics that lanes read the same number of partitions', () => {
    const counts = new Map(topicSpecs({ ...settings, partitions: 12 }).map(({ name, partitions }) => [name, partitions]))
    const names = topicNames('datajob.')
    const single = [names.inventory, names.bulk, names.bulkChangelog, names.deadLetters]
    for (const [name, partitions] of counts) expect([name, partitions]).toEqual([name, single.includes(name) ? 1 : 12])
  })

  it('takes dead letters that are larger than any command', () => {
    const limitOf = (name: string): number => Number(asCreated(name).config['max.message.bytes'])
    expect(limitOf('datajob.dead-letters')).toBeGreaterThan(limitOf('datajob.commands'))
  })

  it('wants a second replica in sync only where there are three', () => {
    const wanted = (replicationFactor: number): unknown[] =>
      topicSpecs({ ...settings, replicationFactor }).map(({ config }) => config['min.insync.replicas'])
    expect(new Set(wanted(3))).toEqual(new Set(['2']))
    expect(new Set([...wanted(1), ...wanted(-1)])).toEqual(new Set([undefined]))
  })
})

describe('applying topics', () => {
  it('creates what is missing, and nothing the second time', async () => {
    const admin = adminOver([asCreated('datajob.jobs')])
    const first = await applyTopics(admin, settings)
    expect(admin.created.map(({ name }) => name)).toEqual(Object.values(topicNames('datajob.')).filter((name) => name !== 'datajob.jobs'))
    expect(first.filter(({ state }) => state === 'exists').map(({ name }) => name)).toEqual(['datajob.jobs'])
    const second = await applyTopics(admin, settings)
    expect(admin.created).toHaveLength(12)
    expect(second.every(({ state, differences }) => state === 'exists' && differences.length === 0)).toBe(true)
  })

  it('refuses what would mix up lanes, lose records or stop a lane, all at once, and creates nothing', async () => {
    const [jobs, commands] = [asCreated('datajob.jobs'), asCreated('datajob.commands', { partitions: 4 })]
    const admin = adminOver([
      { ...commands, config: { ...commands.config, 'compression.type': 'producer' } },
      asCreated('datajob.inventory', { partitions: 3 }),
      { ...jobs, config: { ...jobs.config, 'cleanup.policy': 'delete' } },
    ])
    const refusal: unknown = await applyTopics(admin, settings).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(TopicMismatchError)
    const { mismatches, message } = refusal as TopicMismatchError
    expect(mismatches.map(({ name, setting, found, wanted }) => [name, setting, found, wanted])).toEqual([
      ['datajob.commands', 'compression.type', 'producer', 'uncompressed'],
      ['datajob.commands', 'partitions', '4', '6'],
      ['datajob.jobs', 'cleanup.policy', 'delete', 'compact'],
      ['datajob.inventory', 'partitions', '3', '1'],
    ])
    for (const { remedy } of mismatches) expect(message).toContain(remedy)
    expect(admin.created).toEqual([])
  })

  it('refuses what another process created meanwhile with other settings', async () => {
    const topics: TopicDescription[] = []
    const admin = adminOver(topics)
    const late: KafkaAdmin = {
      ...admin,
      createTopics: async (specs) => {
        await admin.createTopics(specs.map((spec) => ({ ...spec, partitions: 2 })))
      },
    }
    await expect(applyTopics(late, settings)).rejects.toBeInstanceOf(TopicMismatchError)
  })

  it('reports other differences and lives with them', async () => {
    const results = asCreated('datajob.results')
    const admin = adminOver([{ ...results, config: { ...results.config, 'retention.ms': '1000' } }])
    const reports = await applyTopics(admin, settings)
    expect(reports.find(({ name }) => name === 'datajob.results')?.differences).toEqual([
      { setting: 'retention.ms', found: '1000', wanted: '604800000' },
    ])
  })
})

describe('describing topics', () => {
  it('tells which are missing', async () => {
    const reports = await describeTopics(adminOver([asCreated('datajob.jobs')]), settings)
    expect(reports.filter(({ state }) => state !== 'missing').map(({ name }) => name)).toEqual(['datajob.jobs'])
  })

  it('reports a replication factor that differs from the configured one', async () => {
    const [report] = await describeTopics(adminOver([asCreated('datajob.commands')]), { ...settings, replicationFactor: 3 })
    expect(report?.differences).toContainEqual({ setting: 'replicationFactor', found: '1', wanted: '3' })
  })
})
