/** Those whom clients want to be told: hosts that are well, busy, failing, refusing, or away, while processes come and go. */
import type { CallbackQueued } from '../../src/domain/messages.ts'
import type { EffectRunner } from '../../src/stages/stage.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { Random } from '../../src/runtime/random.ts'
import type { CallbackTried, DeliverCallback, DeliveryOutcome } from '../../src/stages/notifier/callback-delivery.ts'
import { LostMessage, type Network } from './network.ts'
import type { SimulatedProcess } from './process.ts'

/** A callback on its way. */
export interface CallbackSending {
  readonly at: number
  readonly process: string
  readonly callback: CallbackQueued
  /** The process had begun it before it stopped and went on, so that it could not know better. */
  readonly isExcused: boolean
}

/** One that came, and what was said to it. */
export interface CallbackArrival {
  readonly at: number
  readonly callback: CallbackQueued
  readonly outcome: DeliveryOutcome['type']
}

/** Its address is where a callback arrives at a host. */
export const RECEIVERS = ['receiver-1.example', 'receiver-2.example', 'receiver-3.example'] as const

export class SimulatedReceiver {
  readonly #clock: Clock
  readonly #random: Random
  readonly sendings: CallbackSending[] = []
  readonly arrivals: CallbackArrival[] = []
  /** Hosts that nothing is heard of. */
  readonly away = new Set<string>()
  /** Part of the callbacks that are answered with a failure, and the part of those that is refused for good. */
  failureRatio = 0
  refusalRatio = 0

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock
    this.#random = random
  }

  heal(): void {
    this.away.clear()
    this.failureRatio = 0
  }

  /** A callback leaves a process, which decided on it at some moment. */
  send({ decidedAt, process, callback }: Pick<CallbackSending, 'process' | 'callback'> & { readonly decidedAt: number }): void {
    const at = this.#clock.now()
    this.sendings.push({ at, process, callback, isExcused: decidedAt < at })
  }

  /** Throws LostMessage where the host is away. */
  take(callback: CallbackQueued): DeliveryOutcome {
    if (this.away.has(new URL(callback.url).host)) throw new LostMessage()
    const outcome = this.#outcome()
    this.arrivals.push({ at: this.#clock.now(), callback, outcome: outcome.type })
    return outcome
  }

  #outcome(): DeliveryOutcome {
    if (this.#random() >= this.failureRatio) return { type: 'delivered' }
    if (this.#random() < this.refusalRatio) return { type: 'refused', message: 'it answered 410' }
    if (this.#random() < 0.3) return { type: 'failed', message: 'it answered 429', retryAfterMs: 2_000 }
    return { type: 'failed', message: 'it answered 503', retryAfterMs: 0 }
  }
}

/** A process's way to the receivers. */
export interface ReceiverAccess {
  readonly process: SimulatedProcess
  readonly receiver: SimulatedReceiver
  readonly callbackNetwork: Network
}

export function callbackEffects({ process, receiver, callbackNetwork }: ReceiverAccess): EffectRunner<DeliverCallback, CallbackTried> {
  return async ({ callback }) => {
    const { id, line } = callback
    const { decidedAt } = process
    const sent = (): void => {
      receiver.send({ decidedAt, process: process.name, callback })
    }
    try {
      return { id, line, outcome: await process.call(callbackNetwork, () => receiver.take(callback), sent) }
    } catch (error) {
      if (!(error instanceof LostMessage)) throw error
      return { id, line, outcome: { type: 'failed', message: 'no answer', retryAfterMs: 0 } }
    }
  }
}
