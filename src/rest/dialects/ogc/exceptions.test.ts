import { describe, expect, it } from 'vitest'
import { exceptionTypeFor } from './exceptions.ts'

describe('the media type of an exception', () => {
  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['text/html, application/json;q=0.9', 'application/json'],
    ['application/problem+json', 'application/problem+json'],
    ['application/json, application/problem+json', 'application/problem+json'],
    ['Application/Problem+JSON; q=0.5, application/json; q=0.4', 'application/problem+json'],
    ['application/problem+json;q=0.4, application/json', 'application/json'],
    ['application/problem+json;q=0', 'application/json'],
  ])('for Accept %j is %s', (accept, type) => {
    expect(exceptionTypeFor(accept)).toBe(type)
  })
})
