import { describe, expect, it } from 'vitest'
import { prefersText } from './accept.ts'

describe('text rather than JSON', () => {
  it.each([
    ...['text/plain', 'TEXT/Plain; charset=utf-8', 'text/*', 'text/plain, application/json', 'text/plain, */*'],
    ...['text/html, text/plain;q=0.9, */*;q=0.1', 'application/json;q=0.1, text/plain;q=0.2'],
  ])('is for who accepts %j', (accept) => {
    expect(prefersText(accept)).toBe(true)
  })

  it.each([
    ...[undefined, '', '*/*', 'application/json', 'application/json, text/plain, */*', 'text/plain;q=0, application/json'],
    ...['text/plain;q=0', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/plain;q=0.5, application/*'],
  ])('is not for who accepts %j', (accept) => {
    expect(prefersText(accept)).toBe(false)
  })
})
