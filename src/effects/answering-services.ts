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

/** Calls a service, and says what it replied. */
type Work<T> = (hear: (reply: { readonly ok: true } | DmiFailure) => void) => Promise<T>

/** What is known of a service from the calls to it. */
interface Known {
  /** Whose places a call takes: the service's, and where it is late those of all that are late. */
  readonly prompt: readonly [Party]
  readonly late: readonly [Party, Party]
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

  /**
   * Does the work, which is a call to the service, once there is a place for it; the work says what the service replied. Thousands may wait
   * for their places: there is nothing around the work that need not be.
   */
  run<T>(name: string, work: Work<T>): Promise<T> {
    const service = this.#knownOf(name)
    if (service.answers) return this.#placed(service, work)
    if (service.trial === null) return this.#tried(service, work)
    return service.trial.promise.then(() => this.#placed(service, work))
  }

  async #tried<T>(service: Known, work: Work<T>): Promise<T> {
    const trial = Promise.withResolvers<null>()
    service.trial = trial
    try {
      return await this.#placed(service, work)
    } finally {
      if (service.trial === trial) endTrial(service)
    }
  }

  #placed<T>(service: Known, work: Work<T>): Promise<T> {
    return this.#places.run(this.#isPrompt(service) ? service.prompt : service.late, () => this.#watched(service, work))
  }

  #isPrompt({ answers, isPrompt, underWay }: Known): boolean {
    const [oldest] = underWay
    return answers && isPrompt && (oldest === undefined || this.#options.clock.now() - oldest.at < PROMPT_MS)
  }

  async #watched<T>(service: Known, work: Work<T>): Promise<T> {
    const begun = { at: this.#options.clock.now() }
    service.underWay.add(begun)
    try {
      return await work((reply) => {
        service.isPrompt = this.#options.clock.now() - begun.at < PROMPT_MS
        // A caller that gives up says nothing about the service.
        if (reply.ok || reply.cause !== 'aborted') service.answers = reply.ok || reply.cause !== 'timeout'
        if (service.answers) endTrial(service)
      })
    } finally {
      service.underWay.delete(begun)
    }
  }

  #knownOf(name: string): Known {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const own = { name, share: this.#options.share }
    const first: Known = { prompt: [own], late: [own, LATE], answers: false, isPrompt: true, underWay: new Set(), trial: null }
    this.#known.set(name, first)
    return first
  }
}

function endTrial(service: Known): void {
  service.trial?.resolve(null)
  service.trial = null
}
