import { expect, it } from 'vitest'
import { modeFor, preferencesOf } from './preferences.ts'

it.each([
  [undefined, { respondAsync: false, waitS: null }],
  ['respond-async', { respondAsync: true, waitS: null }],
  ['Respond-Async, wait=10', { respondAsync: true, waitS: 10 }],
  [['return=minimal', 'respond-async; foo'], { respondAsync: true, waitS: null }],
  ['wait="5"', { respondAsync: false, waitS: 5 }],
  ['wait=soon, respond-asynchronously', { respondAsync: false, waitS: null }],
])('Prefer: %j is read', (header, preferences) => {
  expect(preferencesOf(header)).toEqual(preferences)
})

it.each([
  [['sync', 'async'], false, 'sync'],
  [['sync', 'async'], true, 'async'],
  [['sync'], true, 'sync'],
  [['async'], false, 'async'],
] as const)('a process that can be executed %j, preferred to be asynchronous: %j, is executed %j', (modes, respondAsync, mode) => {
  expect(modeFor(modes, { respondAsync, waitS: null })).toBe(mode)
})
