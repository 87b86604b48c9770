import { describe, expect, it } from 'vitest'
import { readExecConfig } from './exec-config.ts'
import { readSubmission } from './submission.ts'

const read = readExecConfig({ dataFolder: 'data', programs: { echo: { path: '/bin/echo' } } }, { cores: 1, memoryMB: 1_024 })
if (!read.ok) throw new Error(read.problems.join('\n'))
const rules = read.config
const echo = { operationId: 1, op: 'action', path: '/x', value: { command: ['echo'] } }

describe('a submission', () => {
  it('has operations, all of which may run', () => {
    expect(readSubmission({ data: [echo, { ...echo, operationId: 'b' }], dataJobId: 'j', dataProducerId: 'p' }, rules)).toMatchObject({
      ...{ type: 'read', jobId: 'j', dataProducerId: 'p' },
      operations: [{ operationId: 1, request: { command: ['echo'] } }, { operationId: 'b' }],
    })
  })

  it('says which operation is none, and which may not run', () => {
    for (const body of [null, {}, { data: {} }, { data: [] }]) expect(readSubmission(body, rules)).toMatchObject({ type: 'invalid' })
    const none = { type: 'invalid', message: 'data[1] is no operation' }
    expect(readSubmission({ data: [echo, { ...echo, path: 1 }] }, rules)).toEqual(none)
    const valueless = readSubmission({ data: [{ ...echo, value: undefined }] }, rules)
    expect(valueless).toEqual({ type: 'invalid', message: 'data[0].value: it: must be object' })
    const refused = readSubmission({ data: [echo, { ...echo, value: { command: ['rm'] } }] }, rules)
    expect(refused).toMatchObject({ type: 'refused', message: expect.stringMatching(/^data\[1\]\.value: program "rm"/) as string })
  })
})
