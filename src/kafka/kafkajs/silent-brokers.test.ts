import { beforeEach, describe, expect, it } from 'vitest'
import { SilentBrokers } from './silent-brokers.ts'

describe('a broker that does not answer', () => {
  let now: number
  let brokers: SilentBrokers

  beforeEach(() => {
    now = 10_000
    brokers = new SilentBrokers({ now: () => now })
  })

  it('is left alone for a while, and the others are not', () => {
    brokers.unanswered('one', now - 5_000)
    expect([brokers.mayTry('one'), brokers.mayTry('other')]).toEqual([false, true])
    now += 1_999
    expect(brokers.mayTry('one')).toBe(false)
  })

  it('is tried by one then, and by all once that was answered', () => {
    brokers.unanswered('one', now - 5_000)
    now += 2_000
    expect([brokers.mayTry('one'), brokers.mayTry('one')]).toEqual([true, false])
    brokers.heard('one')
    expect([brokers.mayTry('one'), brokers.mayTry('one')]).toEqual([true, true])
  })

  it('is tried again though nobody has heard what became of the last try', () => {
    brokers.unanswered('one', now - 5_000)
    now += 2_000
    brokers.mayTry('one')
    now += 8_000
    expect(brokers.mayTry('one')).toBe(true)
  })

  it('is not left alone when it has answered another request meanwhile', () => {
    brokers.heard('one')
    brokers.unanswered('one', now - 5_000)
    expect(brokers.mayTry('one')).toBe(true)
  })
})
