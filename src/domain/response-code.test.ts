import { describe, expect, it } from 'vitest'
import { isSuccess, messageOf, ResponseCode } from './response-code.ts'

describe('response codes', () => {
  // The contract page, "Results on a topic".
  it.each([
    [0, 'Successfully applied changes'],
    [1, 'ACCEPTED'],
    [100, 'cm handle reference(s) not found'],
    [101, 'cm handle(s) not ready'],
    [102, 'dmi plugin service is not responding'],
    [103, 'dmi plugin service is not able to read resource data'],
    [104, 'REJECTED'],
    [107, 'southbound system is busy'],
    [108, 'Unknown error'],
    [110, 'invalid character(s) in id'],
    [112, 'message too large'],
  ] as const)('%i says %j', (code, message) => {
    expect(messageOf(code)).toBe(message)
    expect(Object.values(ResponseCode)).toContain(code)
  })

  it('done and accepted are successes, and nothing else is', () => {
    expect(Object.values(ResponseCode).filter(isSuccess)).toEqual([0, 1])
    expect([-1, 2, 99, 200].some(isSuccess)).toBe(false)
  })
})
