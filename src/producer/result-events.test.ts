import { expect, it } from 'vitest'
import type { OutputRecord } from '../kafka/port.ts'
import { ResultEvents } from './result-events.ts'
import type { SimulatedJob } from './simulated-jobs.ts'
import { readSimulationOptions } from './simulation-options.ts'

interface Value {
  readonly data: { readonly responses: readonly { readonly operationId: number; readonly statusCode: number }[] }
}

const operations = Array.from({ length: 300 }, (_, n) => ({ operationId: n, op: 'read', path: `/Me=${n}` }))
const job: SimulatedJob = { operations, bytes: 1, jobId: 'job-1', finishesAt: 0, failed: 1, cancelled: false }

function events(send: (records: readonly OutputRecord[]) => void): ResultEvents {
  const read = readSimulationOptions({ name: 'sim', resultTopic: 'internal', resultBytes: '5000' })
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return new ResultEvents(read.options, {
    send: (records) => {
      send(records)
      return Promise.resolve([])
    },
  })
}

it('puts every operation on the topic once, in events that fit into a record, however often it is asked', async () => {
  const records: OutputRecord[] = []
  const onTopic = events((sent) => records.push(...sent))
  const fails = ({ operationId }: { operationId: string | number }): boolean => operationId === 7
  await Promise.all([onTopic.write('sim-1', job, fails), onTopic.write('sim-1', job, fails)])
  await onTopic.write('sim-1', job, fails)
  const responses = records.flatMap(({ value }) => (JSON.parse(String(value)) as Value).data.responses)
  expect(responses.map(({ operationId }) => operationId)).toEqual(operations.map(({ operationId }) => operationId))
  expect(responses.filter(({ statusCode }) => statusCode !== 0).map(({ operationId }) => operationId)).toEqual([7])
  expect(records.length).toBeGreaterThan(1)
  expect(Math.max(...records.map(({ value }) => value?.length ?? 0))).toBeLessThan(900_000)
  expect(new Set(records.map(({ headers }) => headers?.['ce_id'])).size).toBe(records.length)
  expect(records[0]).toMatchObject({ topic: 'internal', headers: { ce_correlationid: 'job-1', ce_source: 'dmi.sim' } })
})

it('tries again what could not be written', async () => {
  let sent = 0
  const onTopic = events(() => {
    sent += 1
    if (sent === 1) throw new Error('away')
  })
  await expect(onTopic.write('sim-1', job, () => false)).rejects.toThrow('away')
  await onTopic.write('sim-1', job, () => false)
  expect(sent).toBeGreaterThan(1)
})
