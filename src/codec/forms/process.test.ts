import { expect, test } from 'vitest'
import { fromProcessRegisteredRecord, type ProcessRegisteredRecord } from './process.ts'

const record: ProcessRegisteredRecord = {
  ...{ tenant: 'east', id: 'ndvi', version: '1', description: '{}', modes: ['async'], executionUnit: null },
  ...{ service: 'exec', mutable: true, registeredAt: 1_000 },
}

test.each([
  ['a description that is no JSON', { description: '{' }, 'description is no JSON object'],
  ['a description that is no object', { description: '[]' }, 'description is no JSON object'],
  ['a description that is null', { description: 'null' }, 'description is no JSON object'],
  ['a mode that is not known', { modes: ['sync', 'unknown'] }, 'modes[1] is "unknown"'],
])('a process with %s is undecodable, for it could not be shown', (_what, change, cause) => {
  expect(() => fromProcessRegisteredRecord({ ...record, ...change })).toThrow(cause)
})
