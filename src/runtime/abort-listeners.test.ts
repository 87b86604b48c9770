import { describe, expect, it, vi } from 'vitest'
import { AbortListeners } from './abort-listeners.ts'

describe('who listens to a signal', () => {
  it('is told when it is aborted, once, and not after leaving', () => {
    const listeners = new AbortListeners()
    const [stays, leaves, elsewhere] = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()]
    const [one, other] = [new AbortController(), new AbortController()]
    for (const listener of [stays, stays, leaves]) listeners.add(one.signal, listener)
    listeners.add(other.signal, elsewhere)
    listeners.delete(one.signal, leaves)
    one.abort()
    expect([stays, leaves, elsewhere].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 0])
  })

  it('adds no more than one listener to the signal, however many they are', () => {
    const listeners = new AbortListeners()
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    for (let n = 0; n < 100; n += 1) {
      const listener = (): void => undefined
      listeners.add(signal, listener)
      listeners.delete(signal, listener)
    }
    expect(added).toHaveBeenCalledTimes(1)
  })
})
