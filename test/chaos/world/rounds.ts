/** A chaos run: rounds of faults drawn from a seed, each judged when its faults are over. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Chaos, chaosOf } from '../../harness/chaos.ts'
import { buildFaults } from './faults/build-faults.ts'
import { cacheFaults } from './faults/cache-faults.ts'
import type { Fault } from './faults/fault.ts'
import { networkFaults } from './faults/network-faults.ts'
import { failpointFaults, processFaults } from './faults/process-faults.ts'
import { serverFaults } from './faults/server-faults.ts'
import { topicFaults } from './faults/topic-faults.ts'
import { judge } from './judge.ts'
import { Resources } from './resources.ts'
import { World } from './world.ts'

export interface RunOptions {
  readonly seed: number
  /** After the first round that ends later, no other is begun. */
  readonly minutes: number
  /** The only round to run, counted from 1. */
  readonly round: number | null
  /** Null: worlds with one and with three take turns. */
  readonly brokers: 1 | 3 | null
  /** Only faults whose kind or detail has one of the texts in it, which are separated by commas. */
  readonly only: string
  readonly say: (line: string) => void
}

export interface RunReport {
  readonly rounds: number
  readonly jobs: number
  readonly operations: number
  readonly faults: ReadonlyMap<string, number>
  /** How many rounds broke a promise. */
  readonly failures: number
  /** What was found in them. */
  readonly findings: readonly string[]
}

const CLIENTS = 3
const FAULTS_IN_ROUND = 3
const PROCESSES = 3
/** A world is given up after that many rounds: the next one has other servers. */
const WORLD_ROUNDS_MAX = 12
const GAP_MS_MAX = 5_000
const GENERAL = [...processFaults, ...cacheFaults, ...serverFaults, ...topicFaults, ...networkFaults, ...buildFaults]
const MINUTE_MS = 60_000

export async function runChaos(options: RunOptions): Promise<RunReport> {
  const deal = dealer(options)
  const endAt = performance.now() + options.minutes * MINUTE_MS
  const faults = new Map<string, number>()
  const findings: string[] = []
  const total = { rounds: 0, jobs: 0, operations: 0, failures: 0 }
  let world: OpenWorld | null = null
  for (let round = 1; total.rounds === 0 || performance.now() < endAt; round += 1) {
    const hand = deal(round)
    if (options.round !== null && round < options.round) continue
    if (world !== null && (world.rounds === WORLD_ROUNDS_MAX || world.world.options.brokers !== hand.brokers)) {
      await closeWorld(world, false)
      world = null
    }
    world ??= await openWorld(options, hand)
    const outcome = await playRound(world, hand, { ...options, round })
    total.rounds += 1
    total.jobs += outcome.jobs
    total.operations += outcome.operations
    for (const { kind } of [...hand.faults, ...hand.failpoints]) faults.set(kind, (faults.get(kind) ?? 0) + 1)
    world.rounds += 1
    if (outcome.findings.length > 0) {
      total.failures += 1
      findings.push(...outcome.findings)
      await closeWorld(world, true)
      world = null
    }
    if (options.round !== null) break
  }
  if (world !== null) await closeWorld(world, false)
  return { ...total, faults, findings }
}

interface Hand {
  readonly brokers: 1 | 3
  readonly faults: readonly Fault[]
  readonly failpoints: readonly Fault[]
  readonly chaos: Chaos
}

/** Deals each fault once before any comes again. What a round gets depends on the seed and the round only. */
function dealer({ seed, brokers, only }: RunOptions): (round: number) => Hand {
  const chaos = chaosOf(seed)
  const isWanted = ({ kind, detail }: Fault): boolean => only.split(',').some((text) => `${kind} ${detail}`.includes(text))
  const general = new Deck(GENERAL.filter(isWanted), chaos)
  const failpoints = new Deck(failpointFaults.filter(isWanted), chaos)
  return (round) => {
    const inTurn = Math.floor((round - 1) / WORLD_ROUNDS_MAX) % 2 === 0 ? 1 : 3
    const has = brokers ?? inTurn
    const possible = (fault: Fault): boolean => fault.brokers === undefined || fault.brokers === has
    return {
      brokers: has,
      faults: general.draw(FAULTS_IN_ROUND, possible),
      failpoints: failpoints.draw(FAULTS_IN_ROUND, possible),
      chaos: chaosOf(chaos.between(1, 2 ** 31 - 1)),
    }
  }
}

class Deck {
  readonly #all: readonly Fault[]
  readonly #chaos: Chaos
  #left: Fault[] = []

  constructor(all: readonly Fault[], chaos: Chaos) {
    this.#all = all
    this.#chaos = chaos
  }

  draw(count: number, possible: (fault: Fault) => boolean): readonly Fault[] {
    const hand: Fault[] = []
    while (hand.length < count && this.#all.some(possible)) {
      if (!this.#left.some(possible)) this.#left.push(...this.#all)
      const candidates = this.#left.filter(possible)
      const drawn = candidates[this.#chaos.between(0, candidates.length - 1)]
      if (drawn === undefined) break
      this.#left.splice(this.#left.indexOf(drawn), 1)
      hand.push(drawn)
    }
    return hand
  }
}

interface OpenWorld {
  readonly world: World
  readonly resources: Resources
  rounds: number
}

async function openWorld({ say }: RunOptions, { brokers }: Hand): Promise<OpenWorld> {
  const world = await World.open({ brokers, processes: PROCESSES, say })
  say(`a world with ${brokers === 1 ? 'one broker' : 'three brokers'} and ${PROCESSES} processes`)
  return { world, resources: new Resources(world.slots), rounds: 0 }
}

async function closeWorld({ world, resources }: OpenWorld, keepFiles: boolean): Promise<void> {
  resources.stop()
  await world.close({ keepFiles })
}

interface RoundOptions extends RunOptions {
  readonly round: number
}

interface RoundOutcome {
  readonly findings: readonly string[]
  readonly jobs: number
  readonly operations: number
}

async function playRound({ world, resources }: OpenWorld, hand: Hand, options: RoundOptions): Promise<RoundOutcome> {
  const { say, round } = options
  const another = (): Chaos => chaosOf(hand.chaos.between(1, 2 ** 31 - 1))
  const startedAt = performance.now()
  const results = await world.installation.resultTopic(`results-${round}`)
  const stop = new AbortController()
  const places = { ...world.places, topic: results.topic }
  const working = Array.from({ length: CLIENTS }, () => world.client.work(another(), places, stop.signal))
  working.push(world.executions.work(another(), stop.signal))
  await Promise.all([play(world, hand.faults, another(), say), play(world, hand.failpoints, another(), say)])
  stop.abort()
  await Promise.all(working)
  const verdict = await judge(world, world.client.take(), results)
  const mayEnd = hand.faults.some((fault) => fault.mayEnd === true)
  const findings = [...verdict.findings, ...(mayEnd ? [] : world.endings), ...(await resources.findings())]
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0)
  say(
    `round ${round}: ${verdict.accepted} jobs (${verdict.held} held), ${verdict.operations} operations, ${verdict.executions} executions ` +
      `told by ${verdict.callbacks} callbacks, settled in ${(verdict.settledMs / 1_000).toFixed(1)} s, ` +
      `${seconds} s in all; ${resources.takeSummary()}; ${findings.length === 0 ? 'all promises kept' : `${findings.length} findings`}`,
  )
  if (findings.length > 0) await tellFailure(world, { findings, ...options })
  await results.close()
  world.forget()
  return { findings, jobs: verdict.accepted, operations: verdict.operations }
}

async function play(world: World, faults: readonly Fault[], chaos: Chaos, say: (line: string) => void): Promise<void> {
  const never = new AbortController().signal
  for (const fault of faults) {
    await sleep(chaos.between(500, GAP_MS_MAX))
    const done = await fault.run({ world, chaos, stop: never }).catch((error: unknown) => `could not be done: ${String(error)}`)
    say(`${fault.kind}: ${done}`)
  }
}

interface Failure extends RoundOptions {
  readonly findings: readonly string[]
}

async function tellFailure(world: World, { findings, seed, round, brokers, only, say }: Failure): Promise<void> {
  for (const finding of findings) say(`FAILED ${finding}`)
  const folder = join(world.folder, 'dump')
  mkdirSync(folder)
  writeFileSync(join(folder, 'findings.txt'), `${findings.join('\n')}\n`)
  await dumpTopics(world, folder).catch((error: unknown) => {
    say(`the topics could not be dumped: ${String(error)}`)
  })
  const extra = `${brokers === null ? '' : ` --brokers ${brokers}`}${only === '' ? '' : ` --only '${only}'`}`
  say(`round ${round} of seed ${seed} failed; logs in ${world.installation.folder}, topics in ${folder}`)
  say(`again: npm run chaos -- --seed ${seed} --round ${round}${extra}`)
}

async function dumpTopics({ installation }: World, folder: string): Promise<void> {
  const topics = (await installation.withAdmin((admin) => admin.listTopics())).filter((topic) => topic.includes(installation.prefix))
  for (const topic of topics) {
    const log = await installation.follow(topic)
    const lines = (await log.settled()).map((record) => JSON.stringify({ ...record, value: record.value?.toString('latin1') ?? null }))
    writeFileSync(join(folder, `${topic}.jsonl`), `${lines.join('\n')}\n`)
    await log.close()
  }
}
