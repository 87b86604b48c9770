import { expect, it } from 'vitest'
import { kafkaConfigOf, kafkaDefaults, type KafkaSettings } from './settings.ts'

const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const settings: KafkaSettings = { ...kafkaDefaults, brokers: ['a:1', 'b:2', 'c:3'], clientId: 'test', logger }

it('clients begin with each broker in turn, and know all of them', () => {
  expect([0, 1, 2, 3].map((turn) => kafkaConfigOf(settings, turn).brokers)).toEqual([
    ['a:1', 'b:2', 'c:3'],
    ['b:2', 'c:3', 'a:1'],
    ['c:3', 'a:1', 'b:2'],
    ['a:1', 'b:2', 'c:3'],
  ])
})
