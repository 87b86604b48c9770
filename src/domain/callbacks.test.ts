import { expect, test } from 'vitest'
import { checkCallbacks } from './callbacks.ts'

test('addresses of servers are taken as they are', () => {
  const callbacks = { successUri: 'https://hooks.example.org/a?b=c#d', failedUri: 'HTTP://127.0.0.1:8080', callback_uri: 'http://[::1]/x' }
  expect(checkCallbacks(callbacks)).toBeNull()
  expect(checkCallbacks({})).toBeNull()
})

test.each([
  ['ftp://example.org/', 'it is no http or https URL'],
  ['', 'it is no http or https URL'],
  ['http://', 'it is no http or https URL'],
  ['https:///path', 'it is no http or https URL'],
  ['http://example.org/a b', 'it is no http or https URL'],
  ['http://example.org\\@evil', 'it is no http or https URL'],
  ['http://user:secret@example.org/', 'a URL has no credentials in it'],
  [`http://example.org/${'a'.repeat(2_048)}`, 'a URL of 2067 characters is longer than the 2048 allowed'],
])('%s is refused with the reason', (url, message) => {
  expect(checkCallbacks({ done: url })).toEqual({ field: 'callbacks.done', message })
})

test('there are ten at most, under names that a header could hold', () => {
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`c${at}`, 'http://example.org/']))
  expect(checkCallbacks(many)?.message).toBe('11 addresses are more than the 10 allowed')
  expect(checkCallbacks({ 'a b': 'http://example.org/' })?.field).toBe('callbacks')
})
