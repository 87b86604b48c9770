import { describe, expect, it } from 'vitest'
import { type Destination, destinationName, type DestinationRules, formatDestination, parseDestination } from './destination.ts'

const rules: DestinationRules = { bareNameIs: 'topic', topicPrefix: 'datajob.' }
const bucketsFirst: DestinationRules = { ...rules, bareNameIs: 'bucket' }

const topic = (name: string): Destination => ({ type: 'topic', name })
const bucket = (name: string): Destination => ({ type: 'bucket', name })

describe('a destination', () => {
  it.each<[string | null, DestinationRules, Destination]>([
    [null, rules, { type: 'none' }],
    ['', rules, { type: 'none' }],
    ['kafka:results', rules, topic('results')],
    ['s3:results', rules, bucket('results')],
    ['results', rules, topic('results')],
    ['results', bucketsFirst, bucket('results')],
    ['kafka:results', bucketsFirst, topic('results')],
    ['kafka:A.b-c_9', rules, topic('A.b-c_9')],
    [`kafka:${'x'.repeat(249)}`, rules, topic('x'.repeat(249))],
    ['kafka:...', rules, topic('...')],
    ['kafka:datajob', rules, topic('datajob')],
    ['kafka:_x', rules, topic('_x')],
    ['s3:a.b-9', rules, bucket('a.b-9')],
    [`s3:${'x'.repeat(63)}`, rules, bucket('x'.repeat(63))],
    ['s3:1.2.3', rules, bucket('1.2.3')],
  ])('%j is read', (text, applied, destination) => {
    expect(parseDestination(text, applied)).toEqual({ ok: true, destination })
  })

  it.each([
    ['kafka:', 'is not a topic name'],
    ['kafka:.', 'is not a topic name'],
    ['kafka:..', 'is not a topic name'],
    ['kafka:a b', 'is not a topic name'],
    ['kafka:a/b', 'is not a topic name'],
    ['kafka:ä', 'is not a topic name'],
    ['kafka:a\n', 'is not a topic name'],
    ['kafka:kafka:a', 'is not a topic name'],
    [`kafka:${'x'.repeat(250)}`, 'is not a topic name'],
    ['kafka:datajob.commands', 'topics that start with "datajob." or "__" are internal'],
    ['datajob.jobs', 'are internal'],
    ['kafka:__consumer_offsets', 'are internal'],
    ['s3:', 'is not a bucket name'],
    ['s3:ab', 'is not a bucket name'],
    [`s3:${'x'.repeat(64)}`, 'is not a bucket name'],
    ['s3:Abc', 'is not a bucket name'],
    ['s3:a_b', 'is not a bucket name'],
    ['s3:-abc', 'is not a bucket name'],
    ['s3:abc-', 'is not a bucket name'],
    ['s3:.abc', 'is not a bucket name'],
    ['s3:a..b', 'is not a bucket name'],
    ['s3:a/../b', 'is not a bucket name'],
    ['s3:192.168.5.4', 'is not a bucket name'],
    ['s3:xn--abc', 'is not a bucket name'],
    ['s3:sthree-abc', 'is not a bucket name'],
    ['s3:abc-s3alias', 'is not a bucket name'],
    ['s3:abc--ol-s3', 'is not a bucket name'],
    ['s3:abc.mrap', 'is not a bucket name'],
    ['s3:abc--x-s3', 'is not a bucket name'],
  ])('%j is refused', (text, why) => {
    const parsed = parseDestination(text, rules)
    expect(parsed.ok ? 'accepted' : parsed.message).toContain(why)
  })

  it('is named in the refusal, cut where it is long', () => {
    const parsed = parseDestination(`kafka:${'x'.repeat(300)}`, rules)
    expect(parsed.ok ? '' : parsed.message).toContain(`destination "${'x'.repeat(80)}…" is not`)
  })

  it('is written so that it is read back whatever a bare name means', () => {
    for (const destination of [topic('results'), bucket('results'), { type: 'none' } as const]) {
      for (const applied of [rules, bucketsFirst]) {
        expect(parseDestination(formatDestination(destination), applied)).toEqual({ ok: true, destination })
      }
    }
  })

  it('has a bare name, empty where there is none', () => {
    expect([topic('t'), bucket('b'), { type: 'none' } as const].map(destinationName)).toEqual(['t', 'b', ''])
  })
})
