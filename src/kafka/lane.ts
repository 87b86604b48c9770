/**
 * A lane: one stage on one partition, the unit of ownership. After any error whose outcome is unclear it throws away its
 * producer and its memory and lives again from the changelog; fenced, it ends, because another process owns it now.
 */
import { delay } from '../runtime/clock.ts'
import type { TopicOffset } from './inbox.ts'
import { type LaneContext, LaneLife, type LaneStage } from './lane-life.ts'
import type { LaneWait } from './lane-progress.ts'
import { type Disposition, type InputRecord, KafkaFailure } from './port.ts'

export type LaneState = 'starting' | 'running' | 'fenced' | 'released'

export class Lane<Effect, Completion> {
  readonly #stageOf: LaneStage<Effect, Completion>
  readonly #context: LaneContext
  #state: LaneState = 'released'
  #life: LaneLife<Effect, Completion> | undefined
  #failure: Error | null = null
  #ended: Promise<void> = Promise.resolve()
  readonly #release = new AbortController()

  constructor(stage: LaneStage<Effect, Completion>, context: LaneContext) {
    this.#stageOf = stage
    this.#context = context
  }

  get state(): LaneState {
    return this.#state
  }

  /** Why it had to start again; null once it has got something done since. */
  get failure(): Error | null {
    return this.#failure
  }

  /** Begins, or begins anew after having been fenced. Failures inside are the lane's own business: it starts again. */
  start(): void {
    if (this.#released()) return
    this.#state = 'starting'
    this.#ended = this.#ended.then(() => this.#live())
  }

  /** Gives the partition up: nothing more is begun; resolves when the transaction under way has ended. */
  async release(): Promise<void> {
    this.#state = 'released'
    this.#release.abort(new Error('the lane was released'))
    this.#life?.stop()
    await this.#ended
  }

  /** What it waits for; null while there is nothing to do, or while it waits to start again. */
  get wait(): LaneWait | null {
    return this.#life?.wait ?? null
  }

  get oldestEffect(): LaneWait | null {
    return this.#life?.oldestEffect ?? null
  }

  /** Where the consumer is to read next, of each topic that it is to read now. */
  positions(): readonly TopicOffset[] {
    return this.#life?.positions() ?? []
  }

  /** Throws its present life away, wherever it stands, and begins another; of a lane that was released, it only ends it. */
  restart(reason: Error): void {
    this.#life?.abandon(new KafkaFailure(reason.message, { code: 'LANE_STOOD_STILL', disposition: 'restart', cause: reason }))
  }

  /** Records of this partition, as the consumer read them. */
  offer(topic: string, records: readonly InputRecord[], nextOffset: number): void {
    this.#life?.offer(topic, records, nextOffset)
  }

  /** The consumer has lost its positions and pauses, as after each rebalance: sets them again. */
  reposition(): void {
    this.#life?.reposition()
  }

  async #live(): Promise<void> {
    const { restartDelayMinMs, restartDelayMaxMs } = this.#stageOf.limits
    const { clock, timers, observe } = this.#context
    let waitMs = restartDelayMinMs
    const recovered = (): void => {
      waitMs = restartDelayMinMs
      this.#failure = null
    }
    // To have been restored is no success: what it takes next may be what it fails with.
    const context: LaneContext = {
      ...this.#context,
      observe: (event) => {
        if (event.type === 'TurnCommitted' && event.inputs > 0) recovered()
        observe(event)
      },
    }
    while (!this.#released()) {
      let runningSince = Infinity
      const life = new LaneLife(this.#stageOf, context, () => {
        this.#state = 'running'
        runningSince = clock.now()
      })
      this.#life = life
      try {
        await life.run()
        return
      } catch (error) {
        if (this.#released() || this.#giveUp(error)) return
        if (clock.now() - runningSince > restartDelayMaxMs) recovered()
        this.#tellRefusal(error)
        observe({ type: 'LaneFailed', error, restartInMs: waitMs })
        this.#failure = error instanceof Error ? error : new Error(String(error))
        this.#state = 'starting'
        await delay(timers, waitMs, this.#release.signal).catch(() => undefined)
        waitMs = Math.min(restartDelayMaxMs, waitMs * 2)
      } finally {
        this.#life = undefined
      }
    }
  }

  #tellRefusal(error: unknown): void {
    if (!(error instanceof KafkaFailure) || error.topic === null) return
    this.#stageOf.onRefusal?.({ topic: error.topic, failure: error, lane: this.#context.transactionalId })
  }

  #released(): boolean {
    return this.#release.signal.aborted
  }

  #giveUp(error: unknown): boolean {
    const disposition = dispositionOf(error)
    if (disposition === 'fatal') {
      this.#context.observe({ type: 'LaneBroken', error })
      return true
    }
    if (disposition !== 'fenced') return false
    this.#state = 'fenced'
    this.#context.observe({ type: 'LaneFenced' })
    return true
  }
}

// Adapters say what is to be done about their errors; an error that says nothing is a defect.
function dispositionOf(error: unknown): Disposition {
  return error instanceof Error && 'disposition' in error ? (error.disposition as Disposition) : 'fatal'
}
