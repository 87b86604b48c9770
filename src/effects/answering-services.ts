import type { DmiFailure } from '../dmi/dmi-client.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Party, Places } from './places.ts'

export interface AnsweringServicesOptions {
  readonly callsInFlightMax: number
  /** The part of all calls under way that one service may take. */
  readonly share: number
  /** Monotonic. */
  readonly clock: Clock
}

/** What is known of a service from the calls to it. */
interface Known {
  readonly name: string
  /** Whether the last call that told it was answered, rather than given up. */
  answers: boolean
  isPrompt: boolean
  /** When the calls under way began, the oldest first. */
  readonly underWay: Set<{ readonly at: number }>
  /** The one call that is made while it is not known to answer. */
  trial: PromiseWithResolvers<null> | null
}

/** A service whose calls take longer, or that has one under way for longer, is late. */
const PROMPT_MS = 1_000
/** All late services together; the rest of the places is there for those that answer at once. */
const LATE: Party = { name: '', share: 3 / 4 }

/**
 * Lets calls to services through, so that those that hang, however many, hold back none that answers. A service that is not known to
 * answer gets one call, and what else there is for it waits for the end of that. Services that are late share three quarters of the places.
 */
export class AnsweringServices {
  readonly #options: AnsweringServicesOptions
  readonly #places: Places
  // Names come from the operator's registry, so there are not many.
  readonly #known = new Map<string, Known>()

  constructor(options: AnsweringServicesOptions) {
    this.#options = options
    this.#places = new Places(options.callsInFlightMax)
  }

  /** Calls the service once there is a place. Thousands may wait for theirs: there is nothing around the call that need not be. */
  run<Reply extends { readonly ok: true } | DmiFailure>(name: string, call: () => Promise<Reply>): Promise<Reply> {
    const service = this.#knownOf(name)
    if (service.answers) return this.#placed(service, call)
    if (service.trial === null) return this.#tried(service, call)
    return service.trial.promise.then(() => this.#placed(service, call))
  }

  async #tried<Reply extends { readonly ok: true } | DmiFailure>(service: Known, call: () => Promise<Reply>): Promise<Reply> {
    const trial = Promise.withResolvers<null>()
    service.trial = trial
    try {
      return await this.#placed(service, call)
    } finally {
      if (service.trial === trial) endTrial(service)
    }
  }

  #placed<Reply extends { readonly ok: true } | DmiFailure>(service: Known, call: () => Promise<Reply>): Promise<Reply> {
    const own = { name: service.name, share: this.#options.share }
    return this.#places.run(this.#isPrompt(service) ? [own] : [own, LATE], () => this.#watched(service, call))
  }

  #isPrompt({ answers, isPrompt, underWay }: Known): boolean {
    const [oldest] = underWay
    return answers && isPrompt && (oldest === undefined || this.#options.clock.now() - oldest.at < PROMPT_MS)
  }

  async #watched<Reply extends { readonly ok: true } | DmiFailure>(service: Known, call: () => Promise<Reply>): Promise<Reply> {
    const begun = { at: this.#options.clock.now() }
    service.underWay.add(begun)
    try {
      const reply = await call()
      service.isPrompt = this.#options.clock.now() - begun.at < PROMPT_MS
      // A caller that gives up says nothing about the service.
      if (reply.ok || reply.cause !== 'aborted') service.answers = reply.ok || reply.cause !== 'timeout'
      if (service.answers) endTrial(service)
      return reply
    } finally {
      service.underWay.delete(begun)
    }
  }

  #knownOf(name: string): Known {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const first: Known = { name, answers: false, isPrompt: true, underWay: new Set(), trial: null }
    this.#known.set(name, first)
    return first
  }
}

function endTrial(service: Known): void {
  service.trial?.resolve(null)
  service.trial = null
}
