import { describe, expect, it } from 'vitest'
import { canBeRedriven, type DeadLetter, deadLetterOf, parseLetterId, redrivenLetterOf, redriveRecords } from './dead-letters.ts'
import type { InputRecord, OutputRecord } from './port.ts'
import { topicNames } from './topics.ts'
import { TurnRecorder } from './turn-recorder.ts'

const topics = topicNames('t.')
const at = { partition: 2, offset: 7, timestampMs: 1_000 }

/** A record, as a lane sets it aside and as it is then read. */
function setAside(record: Partial<InputRecord>, cause = 'no good'): InputRecord {
  const place = { topics, changelog: 'c', partition: 2, stage: 'coordinator', encode: () => Buffer.of() }
  const turn = new TurnRecorder(0, place)
  turn.deadLetter({ topic: 't.commands', ...at, key: Buffer.from('job-1'), value: Buffer.from('{}'), headers: {}, ...record }, cause)
  return asRead(turn.records()[0]!, { partition: 0, offset: 17, timestampMs: 2_000 })
}

function asRead(record: OutputRecord, place: Pick<InputRecord, 'partition' | 'offset' | 'timestampMs'>): InputRecord {
  const { topic, key, value, headers = {} } = record
  return { topic, ...place, key: key === null ? null : Buffer.from(key), value, headers }
}

function letterOf(record: InputRecord): DeadLetter {
  const letter = deadLetterOf(record)
  if (letter === null) throw new Error('it is no letter')
  return letter
}

describe('a dead letter', () => {
  it('knows where it came from, and why it is one', () => {
    expect(deadLetterOf(setAside({}))).toMatchObject({
      ...{ id: '0-17', stage: 'coordinator', cause: 'no good' },
      origin: { topic: 't.commands', ...at },
    })
  })

  it.each([
    ['headers', {}],
    ['a partition that is one', { datajob_origin_topic: 't.commands', datajob_origin_partition: '-1', datajob_origin_offset: '1' }],
    ['an offset', { datajob_origin_topic: 't.commands', datajob_origin_partition: '1' }],
  ])('is none without %s', (_, headers) => {
    expect(deadLetterOf({ ...setAside({}), headers })).toBeNull()
  })

  it('is put back as it was: key, value and headers, without ours', () => {
    const headers = { traceparent: '00-1', datajob_forwarded_from: 't.commands-1-5' }
    const [record] = redriveRecords(letterOf(setAside({ headers, value: null })), topics)
    expect(record).toEqual({ topic: 't.commands', key: 'job-1', value: null, headers: { traceparent: '00-1' } })
  })

  it('is put back without a key when it had none', () => {
    expect(redriveRecords(letterOf(setAside({ key: null })), topics)[0]).toMatchObject({ key: null })
  })

  it('goes to its old partition on a topic whose partitions are not chosen by its key alone', () => {
    const [record] = redriveRecords(letterOf(setAside({ topic: 't.subjobs' })), topics)
    expect(record).toMatchObject({ topic: 't.subjobs', partition: 2 })
  })

  it('leaves a mark that names it, and that is no letter', () => {
    const [, mark] = redriveRecords(letterOf(setAside({})), topics)
    expect(mark).toMatchObject({ topic: 't.dead-letters', partition: 0, value: null })
    const read = asRead(mark!, { partition: 0, offset: 18, timestampMs: 3_000 })
    expect(redrivenLetterOf(read)).toBe('0-17')
    expect(deadLetterOf(read)).toBeNull()
  })

  it('is no mark, whatever headers its client had sent', () => {
    expect(redrivenLetterOf(setAside({ headers: { datajob_redriven_letter: '0-1' } }))).toBeNull()
  })

  it('goes back only to topics that stages read, whatever its headers say', () => {
    const can = ['t.commands', 't.subjobs', 't.subjob-events', 't.jobs', 't.dead-letters', 'clients'].filter((topic) =>
      canBeRedriven(letterOf(setAside({ topic })), topics),
    )
    expect(can).toEqual(['t.commands', 't.subjobs', 't.subjob-events'])
  })

  it('is named by its place, and by nothing else', () => {
    expect(parseLetterId('0-17')).toEqual({ partition: 0, offset: 17 })
    for (const id of ['', '17', '0-', '0--1', '0-1-2', ' 0-1', `0-${'9'.repeat(30)}`]) expect(parseLetterId(id), id).toBeNull()
  })
})
