import { expect, it } from 'vitest'
import { submitBody, type SubmitHead, type SubmitOperation } from './submit-body.ts'

const head: SubmitHead = {
  destination: 'results',
  dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
  dataContentType: 'application/3gpp-json-patch+json',
  dataProducerId: 'producer-1',
  dataJobId: 'job "1"',
}
const add: SubmitOperation = { operationId: '7', op: 'add', path: '/A=1/B=é', moduleSetTag: 'tag' }

function bodyOf(operations: readonly SubmitOperation[], changes: Partial<SubmitHead> = {}): string {
  return submitBody({ ...head, ...changes }, operations).toString()
}

it("has the contract's members in the contract's order", () => {
  expect(bodyOf([{ ...add, value: '{"id":"1"}' }])).toBe(
    '{"destination":"results","dataAcceptType":"application/vnd.3gpp.object-tree-hierarchical+json",' +
      '"dataContentType":"application/3gpp-json-patch+json","dataProducerId":"producer-1","dataJobId":"job \\"1\\"",' +
      '"data":[{"path":"/A=1/B=é","op":"add","moduleSetTag":"tag","value":{"id":"1"},"operationId":"7"}]}',
  )
})

it('leaves out what there is not, but never the producer, the tag or the list', () => {
  const none = { destination: '', dataAcceptType: null, dataContentType: null, dataProducerId: '' }
  expect(bodyOf([], none)).toBe('{"dataProducerId":"","dataJobId":"job \\"1\\"","data":[]}')
  expect(bodyOf([{ ...add, moduleSetTag: '', value: null, options: null }], none)).toBe(
    '{"dataProducerId":"","dataJobId":"job \\"1\\"",' +
      '"data":[{"path":"/A=1/B=é","op":"add","moduleSetTag":"","operationId":"7"}]}',
  )
})

it('keeps the order of the operations, duplicates too', () => {
  const operations = [{ ...add, operationId: 2 }, { ...add, operationId: 1 }, { ...add, operationId: 2 }]
  const { data } = JSON.parse(bodyOf(operations)) as { data: readonly { operationId: number }[] }
  expect(data.map(({ operationId }) => operationId)).toEqual([2, 1, 2])
})

it('carries a value as the text that it was, which parsing would have changed', () => {
  const value = '{ "big" : 12345678901234567890, "b":1.0, "a":"\\u00e9", "b":2 }'
  expect(bodyOf([{ ...add, value }])).toContain(`"moduleSetTag":"tag","value":${value},"operationId"`)
  expect(bodyOf([{ ...add, value: 'null' }])).toContain('"value":null')
})

it("splices a read's extras behind the tag as the text that they were", () => {
  const read = { ...add, op: 'read', operationId: 7 }
  const extras = ' {"attributes":"a,b", "scopeLevel" : 1}\n'
  expect(bodyOf([{ ...read, options: extras }])).toContain(
    '"moduleSetTag":"tag","attributes":"a,b", "scopeLevel" : 1,"operationId":7}',
  )
  expect(bodyOf([{ ...read, options: ' { } ' }])).toContain('"moduleSetTag":"tag","operationId":7}')
})

it('refuses extras that are no object rather than write a broken body', () => {
  expect(() => bodyOf([{ ...add, options: '[1]' }])).toThrow(TypeError)
})
