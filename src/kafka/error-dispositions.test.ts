import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { dispositionOf, errorNameOf } from './error-dispositions.ts'

// Answers to requests that we never send: of brokers to each other, delegation tokens, fetch sessions, and groups, ACLs,
// replicas and partitions that we do not administer.
const NEVER_OURS = new Set([0, 4, 11, 57, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 77, 80, 83, 84, 85, 86])

describe('the table of errors', () => {
  it('has a row for every code that kafkajs knows and that we may meet', () => {
    const require = createRequire(import.meta.url)
    const { errorCodes } = require('kafkajs/src/protocol/error') as { readonly errorCodes: readonly { readonly code: number }[] }
    const missing = errorCodes.map(({ code }) => code).filter((code) => errorNameOf(code) === null && !NEVER_OURS.has(code))
    expect(missing).toEqual([])
  })

  it('has no row for a code that we never meet', () => {
    expect([...NEVER_OURS].filter((code) => errorNameOf(code) !== null)).toEqual([])
  })

  it.each([
    ['PRODUCER_FENCED', 'fenced'],
    ['INVALID_PRODUCER_EPOCH', 'fenced'],
    ['INVALID_PRODUCER_ID_MAPPING', 'fenced'],
    ['REQUEST_TIMED_OUT', 'restart'],
    ['CONNECTION_FAILED', 'restart'],
    ['MESSAGE_TOO_LARGE', 'reject'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'reject'],
    ['NOT_LEADER_OR_FOLLOWER', 'retry'],
    ['CLUSTER_AUTHORIZATION_FAILED', 'fatal'],
  ])('says of %s: %s', (name, disposition) => {
    expect(dispositionOf(name)).toBe(disposition)
  })

  it('says of what it does not know that the outcome is unclear', () => {
    expect(dispositionOf('SOMETHING_NEW')).toBe('restart')
    expect(errorNameOf(9_999)).toBeNull()
  })
})
