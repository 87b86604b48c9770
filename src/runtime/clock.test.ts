import { describe, expect, it } from 'vitest'
import { steadyClock } from './clock.ts'

function machine(): { wall: number; elapsed: number; readonly now: () => number } {
  const time = { wall: 10_000, elapsed: 0, now: () => clock.now() }
  const clock = steadyClock({ wall: () => time.wall, stopwatch: () => time.elapsed })
  return time
}

function pass(time: { wall: number; elapsed: number }, ms: number): void {
  time.wall += ms
  time.elapsed += ms
}

describe("a clock that follows the machine's", () => {
  it('shows its time', () => {
    const time = machine()
    pass(time, 1_234)
    expect(time.now()).toBe(11_234)
  })

  it('goes forward with it at once', () => {
    const time = machine()
    time.wall += 3_600_000
    expect(time.now()).toBe(3_610_000)
  })

  it('goes on at half the speed when that is set back, until both are the same again', () => {
    const time = machine()
    time.wall -= 4_000
    expect(time.now()).toBe(10_000)
    pass(time, 2_000)
    expect(time.now()).toBe(11_000)
    pass(time, 6_000)
    expect(time.now()).toBe(14_000)
    pass(time, 1_000)
    expect(time.now()).toBe(15_000)
  })
})
