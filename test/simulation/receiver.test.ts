import { describe, onTestFinished } from 'vitest'
import { CallbackCalls } from '../../src/callbacks/callback-calls.ts'
import { keyOf } from '../../src/callbacks/signature.ts'
import { AddressGuard } from '../../src/outside/address-guard.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { type CallbacksUnderTest, exerciseCallbackEffects, type ReceiverMood } from '../contract/callback-effects.ts'
import { CallbackReceiver, type ReceiverAnswer } from '../harness/callback-receiver.ts'
import { LostMessage, Network } from './network.ts'
import { letSchedulerRun } from './passing-time.ts'
import { SimulatedProcess } from './process.ts'
import { callbackEffects, RECEIVERS, SimulatedReceiver } from './receiver.ts'
import { Scheduler } from './scheduler.ts'

const SECRET = 'a-secret-that-is-long-enough'

const answers: Readonly<Record<ReceiverMood, ReceiverAnswer>> = {
  well: { status: 204 },
  busy: { status: 429, headers: { 'retry-after': '2' } },
  failing: { status: 503 },
  refusing: { status: 410 },
  silent: { status: 204, delayMs: 2_000 },
}

async function byHttp(mood: ReceiverMood): Promise<CallbacksUnderTest> {
  const receiver = await CallbackReceiver.open(SECRET)
  receiver.answer = () => answers[mood]
  const calls = new CallbackCalls({
    guard: new AddressGuard(['127.0.0.1'], 'DATAJOB_CALLBACK_ALLOWED_ADDRESSES'),
    key: keyOf(SECRET),
    timeoutMs: mood === 'silent' ? 200 : 10_000,
    retryAfterMsMax: 60_000,
    bodyOf: () => Promise.resolve({ contentType: 'application/json', body: Buffer.from('{}') }),
    userAgent: 'datajob/test',
    clock: systemClock,
  })
  onTestFinished(async () => {
    await calls.close()
    await receiver.close()
  })
  return {
    run: (effect, signal) => calls.deliver(effect, signal),
    url: receiver.url,
    received: () => receiver.received.map(({ id }) => id),
  }
}

exerciseCallbackEffects('by HTTP', byHttp)

describe('in simulated time', () => {
  const scheduler = new Scheduler(0)
  letSchedulerRun(scheduler)

  exerciseCallbackEffects('in the simulation', (mood) => {
    // What the receiver draws to answer so, once it fails all callbacks.
    const random = (): number => (mood === 'busy' ? 0.1 : 0.9)
    const receiver = new SimulatedReceiver({ clock: scheduler, random })
    receiver.failureRatio = mood === 'well' ? 0 : 1
    receiver.refusalRatio = mood === 'refusing' ? 1 : 0
    if (mood === 'silent') receiver.away.add(RECEIVERS[0])
    const lost = (): Error => new LostMessage()
    const callbackNetwork = new Network({ random, delayMinMs: 2, delayMaxMs: 10, timeoutMs: 1_000, lost })
    const process = new SimulatedProcess('contract', scheduler)
    return Promise.resolve({
      run: callbackEffects({ process, receiver, callbackNetwork }),
      url: `http://${RECEIVERS[0]}/`,
      received: () => receiver.arrivals.map(({ callback }) => callback.id),
    })
  })
})
