import { setImmediate as nextPhase } from 'node:timers/promises'
import { describe } from 'vitest'
import { monotonicClock, systemClock, systemTimers } from '../../src/runtime/clock.ts'
import { exerciseTimers } from '../contract/timers.ts'
import { ManualTime } from '../fakes/manual-time.ts'
import { letSchedulerRun, letTimePass } from './passing-time.ts'
import { SimulatedProcess } from './process.ts'
import { Scheduler } from './scheduler.ts'

exerciseTimers('the machine, by its wall clock', { clock: systemClock, timers: systemTimers })
exerciseTimers('the machine, by its monotonic clock', { clock: monotonicClock, timers: systemTimers })

describe('in simulated time', () => {
  const scheduler = new Scheduler(1_000_000)
  const process = new SimulatedProcess('contract', scheduler)
  letSchedulerRun(scheduler)
  exerciseTimers('the scheduler', { clock: scheduler, timers: scheduler })
  exerciseTimers('a simulated process', { clock: process.clock, timers: process })
})

describe('in time that a test lets pass', () => {
  const time = new ManualTime()
  letTimePass(async () => {
    time.pass(1)
    await nextPhase()
  })
  exerciseTimers('a test', { clock: time, timers: time })
})
