/** The read model behind a real broker: what the fakes of the unit tests can't show is how markers and restarts look. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { localCodec } from '../../src/codec/local-codec.ts'
import type { HandleRegistered } from '../../src/domain/inventory-messages.ts'
import type { Message } from '../../src/domain/messages.ts'
import { handleKey, Inventory } from '../../src/inventory/inventory.ts'
import { createKafkaClient } from '../../src/kafka/kafkajs/client.ts'
import type { KafkaAdmin, OutputRecord, RecordProducer } from '../../src/kafka/port.ts'
import { applyTopics, topicNames } from '../../src/kafka/topics.ts'
import type { ReadModel } from '../../src/read-model/port.ts'
import { systemClock, systemTimers } from '../../src/runtime/clock.ts'
import { Projector } from '../../src/stages/projector/projector.ts'
import { endedPhase, sampleEnd, sampleJob, sampleStart } from '../contract/read-model.ts'
import { openTestReadModel } from '../fakes/test-read-model.ts'

const prefix = `read-model-${process.pid}.`
const topics = topicNames(prefix)
const codec = localCodec()
const silent = { debug: (): void => undefined, info: (): void => undefined, warn: (): void => undefined }
const kafka = createKafkaClient({ brokers: inject('kafkaBrokers').split(','), clientId: 'read-model', logger: silent })
const folder = mkdtempSync(join(tmpdir(), 'datajob-read-model-'))
const failed = vi.fn<(cause: unknown) => void>()
// The first group of a new broker has to wait for its coordinator.
const events = { failed, waiting: () => undefined, skipped: failed, rebuilding: failed }

function recordOf(topic: string, key: string, message: Message | null): OutputRecord {
  return { topic, key, value: message === null ? null : codec.encode(message) }
}

describe('the read model behind a real broker', () => {
  let admin: KafkaAdmin
  let producer: RecordProducer

  const projectInto = async (readModel: ReadModel): Promise<Projector> => {
    const projector = new Projector({
      ...{ kafka, admin, readModel, codec, topics, clock: systemClock, timers: systemTimers, events },
      rules: {
        destinations: { bareNameIs: 'topic', topicPrefix: prefix },
        submissions: { operationsMax: 100, pathLengthMax: 100 },
        attemptsMax: 3,
      },
    })
    await projector.start()
    await vi.waitUntil(() => projector.isReady(), { timeout: 60_000 })
    return projector
  }
  /** As a coordinator writes: in a transaction, so that a marker follows. */
  const commit = async (id: string, records: readonly OutputRecord[]): Promise<void> => {
    const transactional = await kafka.transactionalProducer(`${prefix}${id}`)
    await transactional.commit({ records, offsets: [], groupId: `${prefix}group` })
    await transactional.close()
  }

  beforeAll(async () => {
    admin = await kafka.admin()
    producer = await kafka.producer()
    await applyTopics(admin, { prefix, partitions: 3, replicationFactor: 1 })
  })

  afterAll(async () => {
    await producer.close()
    await admin.close()
    rmSync(folder, { recursive: true })
  })

  it('is the same after a restart, and after its file was deleted', async () => {
    const jobs = Array.from({ length: 30 }, (_, n) => sampleJob({ id: `job-${n}`, number: n, createdAt: n }, endedPhase('failed')))
    await commit(
      'jobs',
      jobs.flatMap((job) => [
        recordOf(topics.jobs, job.jobId, { type: 'JobChanged', job: { ...job, ...sampleJob({ id: job.jobId }) } }),
        recordOf(topics.jobs, job.jobId, { type: 'JobChanged', job }),
        recordOf(topics.subjobEvents, job.jobId, { ...sampleStart(0), jobId: job.jobId }),
        recordOf(topics.subjobEvents, job.jobId, { ...sampleEnd(0), jobId: job.jobId }),
      ]),
    )
    await commit('forget', [recordOf(topics.jobs, 'job-7', null)])
    const kept = join(folder, 'kept')
    const first = openTestReadModel({ folder: kept })
    const projector = await projectInto(first)
    const expected = jobs.filter((job) => job.jobId !== 'job-7').reverse()
    const page = { limit: 100, after: null }
    expect((await first.jobs({}, page)).items).toEqual(expected)
    await projector.stop()
    await first.close()

    const reopened = openTestReadModel({ folder: kept })
    const apply = vi.spyOn(reopened, 'apply')
    await (await projectInto(reopened)).stop()
    expect(apply.mock.calls.flatMap(([batch]) => batch.changes).filter((change) => change.type !== 'SealForgotten')).toEqual([])
    expect((await reopened.jobs({}, page)).items).toEqual(expected)
    await reopened.close()

    const rebuilt = openTestReadModel({ folder: join(folder, 'rebuilt') })
    await (await projectInto(rebuilt)).stop()
    expect((await rebuilt.jobs({}, page)).items).toEqual(expected)
    expect((await rebuilt.subjobs('job-3', page)).items).toMatchObject([{ index: 0, state: 'ended' }])
    expect((await rebuilt.subjobs('job-7', page)).items).toEqual([])
    await rebuilt.close()
    expect(failed).not.toHaveBeenCalled()
  })

  it('has what was committed before the question, where a marker is the last thing in the log', async () => {
    const model = openTestReadModel()
    const projector = await projectInto(model)
    for (let n = 0; n < 5; n += 1) {
      const job = sampleJob({ id: 'job-x', number: 99, priority: n }, { state: 'running', startedAt: 1 })
      await commit('marker', [recordOf(topics.jobs, 'job-x', { type: 'JobChanged', job })])
      expect(await projector.waitForJob('job-x', 10_000)).toBe(true)
      expect(await model.job('job-x')).toEqual(job)
    }
    await projector.stop()
    await model.close()
  })

  it('shows a command as soon as its place was read', async () => {
    const model = openTestReadModel()
    const projector = await projectInto(model)
    const command = JSON.stringify({ jobId: 'from-kcat', kind: 'READ', operations: [{ operationId: 1, op: 'read', path: '/a=1' }] })
    const [place] = await producer.send([{ topic: topics.commands, key: 'from-kcat', value: Buffer.from(command) }])
    expect(place && (await projector.waitFor(place, 10_000))).toBe(true)
    expect(await model.job('from-kcat')).toMatchObject({ state: 'accepted', kind: 'READ', operations: { total: 1 } })
    await projector.stop()
    await model.close()
  })

  it('is joined by an inventory that knows a handle as soon as its registration was read', async () => {
    const inventory = new Inventory({ kafka, admin, codec, topic: topics.inventory, timers: systemTimers, events })
    await inventory.start()
    await vi.waitUntil(() => inventory.isReady(), { timeout: 60_000 })
    const handle: HandleRegistered = {
      ...{ type: 'HandleRegistered', alternateId: '/a=1', cmHandle: 'ch', moduleSetTag: '', dataProducerId: 'p', service: 'dmi' },
      ...{ writeService: null, state: 'READY', properties: {} },
    }
    const [place] = await producer.send([recordOf(topics.inventory, handleKey('/a=1'), handle)])
    expect(place && (await inventory.waitFor(place, 10_000))).toBe(true)
    expect(inventory.find('/a=1/b=2', 'default')?.cmHandle).toBe('ch')
    await producer.send([recordOf(topics.inventory, handleKey('/a=1'), null)])
    expect(await inventory.caughtUp(10_000)).toBe(true)
    expect(inventory.find('/a=1/b=2', 'default')).toBeUndefined()
    await inventory.stop()
  })
})
