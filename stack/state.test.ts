import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { brokersOf, controllerOf, parseState, readState, writeState } from './state.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stack-state-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  return folder
}

test('a state is read as it was written, and nothing else is left in the folder', () => {
  const folder = newFolder()
  const state = { backend: 'jvm', ports: { kafka: 9092, controller: 20_000 }, owner: 'me' } as const
  writeState(folder, { backend: 'docker', ports: {} })
  writeState(folder, state)
  expect(readState(folder)).toEqual(state)
  expect(readdirSync(folder)).toEqual(['stack.json'])
})

test('a folder without a state file has no state', () => {
  expect(readState(newFolder())).toBeUndefined()
})

test.each(['', 'null', '[]', '{"backend":"jvm"}', '{"backend":"vm","ports":{}}', '{"backend":"jvm","ports":null}', '{"back'])(
  'a state file that holds %j is no state',
  (text) => {
    expect(parseState(text)).toBeUndefined()
  },
)

test('ports that are none, and ports of unknown servers, are left out', () => {
  const text = '{"backend":"jvm","ports":{"kafka":"9092","registry":70000,"s3":9000,"other":1}}'
  expect(parseState(text)).toEqual({ backend: 'jvm', ports: { s3: 9000 } })
})

test('the brokers of a stack are those that have ports', () => {
  const { ports } = parseState('{"backend":"jvm","ports":{"kafka-3":3,"kafka":1,"kafka-2":2,"controller-2":5}}')!
  expect(brokersOf(ports)).toEqual(['kafka', 'kafka-2', 'kafka-3'])
  expect(ports[controllerOf('kafka-2')]).toBe(5)
})
