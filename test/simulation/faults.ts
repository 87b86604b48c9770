/**
 * What goes wrong, drawn from the seed: processes die, stop and go on, members come and go, clocks are set, networks fail, plugins
 * and receivers fail, the broker's coordinator is away, its offsets expire, its logs are compacted.
 */
import { SESSION_TIMEOUT_MS } from './consumer-groups.ts'
import { DELETE_RETENTION_MS } from './partition-log.ts'
import { APPLICATION, TOPICS } from './settings.ts'
import type { Network } from './network.ts'
import { RECEIVERS } from './receiver.ts'
import type { SimulatedProcess } from './process.ts'
import type { Slot, World } from './world.ts'

// Long enough to lose every session and transaction, and short enough for a log to keep what a reader has yet to read.
const STANDSTILL_MS_MAX = Math.min(2.5 * SESSION_TIMEOUT_MS, DELETE_RETENTION_MS)

const SLOTS_MAX = 5
const STEPS_AHEAD_MAX = 100
const HOUR_MS = 3_600_000

type Fault = (world: World) => void

const faults: readonly { readonly weight: number; readonly fault: Fault }[] = [
  { weight: 4, fault: kill },
  { weight: 3, fault: pause },
  { weight: 2, fault: leave },
  { weight: 2, fault: crashConsumer },
  { weight: 1, fault: visit },
  { weight: 1, fault: setClock },
  { weight: 2, fault: networkDown },
  { weight: 2, fault: coordinatorAway },
  { weight: 2, fault: lossy },
  { weight: 2, fault: failingProducers },
  { weight: 2, fault: failingReceivers },
  { weight: 1, fault: receiverAway },
  { weight: 3, fault: compact },
  { weight: 1, fault: expireOffsets },
]

/** Lets faults happen for `spanMs`, then makes all well. Calls `healed` at that moment. */
export function scheduleFaults(world: World, spanMs: number, healed: () => void): void {
  // Few kinds of faults, often, find more than all of them all the time.
  const chosen = faults.filter(() => world.random() < 0.6)
  const meanMs = 300 + world.draw(6_000)
  const until = world.scheduler.now() + spanMs
  const next = (): void => {
    world.scheduler.after(1 + world.draw(2 * meanMs), () => {
      if (world.scheduler.now() >= until) return
      drawn(world, chosen)(world)
      next()
    })
  }
  next()
  world.scheduler.after(spanMs, () => {
    heal(world)
    healed()
  })
}

function drawn(world: World, chosen: typeof faults): Fault {
  let left = world.draw(chosen.reduce((sum, { weight }) => sum + weight, 0))
  for (const { weight, fault } of chosen) {
    left -= weight
    if (left < 0) return fault
  }
  return compact
}

function heal(world: World): void {
  world.note('all faults end')
  for (const network of networksOf(world)) network.heal()
  world.broker.isCoordinating = true
  world.dmi.failureRatio = 0
  world.receiver.heal()
  for (const slot of world.slots) {
    slot.process.resume()
    if (slot.process.state === 'dead') world.start(slot)
  }
}

function kill(world: World): void {
  const slot = aSlot(world)
  const { process } = slot
  atSomeStep(world, process, () => {
    if (process.state === 'dead') return
    world.note(`${process.name} is killed in step ${process.steps}`)
    process.kill()
    startLater(world, slot)
  })
}

function pause(world: World): void {
  const { process } = aSlot(world)
  const forMs = world.draw(STANDSTILL_MS_MAX)
  atSomeStep(world, process, () => {
    if (process.state !== 'running') return
    world.note(`${process.name} stands still for ${forMs} in step ${process.steps}`)
    process.pause()
    world.scheduler.after(forMs, () => {
      process.resume()
    })
  })
}

// At any moment, or between any two things that a process does: much may happen there, and within no time.
function atSomeStep(world: World, process: SimulatedProcess, run: () => void): void {
  if (world.random() < 0.5) run()
  else process.beforeStep(process.steps + 1 + world.draw(STEPS_AHEAD_MAX), run)
}

/** Stops a process as an operator does: it ends its transactions and leaves its groups. */
function leave(world: World): void {
  const slot = aSlot(world)
  const { process, service } = slot
  if (process.state !== 'running' || service === null) return
  world.note(`${process.name} is stopped`)
  slot.service = null
  void service.stop().then(() => {
    if (slot.process !== process) return
    world.note(`${process.name} has stopped`)
    process.kill()
    startLater(world, slot)
  })
}

function crashConsumer(world: World): void {
  const { process, kafka } = aSlot(world)
  if (process.state !== 'running') return
  const consumers = [...kafka.consumers]
  consumers[world.draw(consumers.length)]?.crash()
}

/** A rebalance storm: members that come, and go again before they have done much. */
function visit(world: World): void {
  for (let visits = 1 + world.draw(5), at = 0; visits > 0; visits -= 1) {
    world.scheduler.after(at, () => {
      if (world.slots.length < SLOTS_MAX) comeAndGo(world)
    })
    at += world.draw(3_000)
  }
}

function comeAndGo(world: World): void {
  const slot = world.addSlot()
  world.scheduler.after(world.draw(6_000), () => {
    const { process, service } = slot
    const end = (): void => {
      slot.process.kill()
      world.removeSlot(slot)
    }
    if (process.state !== 'running' || service === null || world.random() < 0.5) {
      end()
      return
    }
    slot.service = null
    void service.stop().then(end)
  })
}

/** Somebody sets a process's clock, forward or back. */
function setClock(world: World): void {
  const { process } = aSlot(world)
  const byMs = world.random() < 0.5 ? HOUR_MS : -HOUR_MS
  world.note(`the clock of ${process.name} is set by ${byMs}`)
  process.shiftClock(byMs)
  world.areClocksTrue = false
}

function networkDown(world: World): void {
  const networks = networksOf(world)
  const network = networks[world.draw(networks.length)]!
  world.note(`network ${networks.indexOf(network)} is down`)
  network.isDown = true
  world.scheduler.after(world.draw(6_000), () => {
    network.isDown = false
  })
}

function coordinatorAway(world: World): void {
  world.note('the coordinator of transactions is away')
  world.broker.isCoordinating = false
  world.scheduler.after(world.draw(6_000), () => {
    world.broker.isCoordinating = true
  })
}

function lossy(world: World): void {
  for (const network of networksOf(world)) {
    network.lossRatio = world.random() < 0.5 ? 0 : world.random() * 0.1
    network.lateRatio = world.random() < 0.5 ? 0 : world.random() * 0.05
  }
}

function failingProducers(world: World): void {
  world.dmi.failureRatio = world.random() < 0.4 ? 0 : world.random() * 0.6
}

function failingReceivers({ receiver, random }: World): void {
  receiver.failureRatio = random() < 0.4 ? 0 : random() * 0.8
}

function receiverAway(world: World): void {
  const { away } = world.receiver
  const host = RECEIVERS[world.draw(RECEIVERS.length)]!
  world.note(`${host} is away`)
  away.add(host)
  world.scheduler.after(world.draw(20_000), () => {
    away.delete(host)
  })
}

function compact(world: World): void {
  for (const topic of [TOPICS.coordinatorChangelog, TOPICS.dispatcherChangelog, TOPICS.notifierChangelog]) {
    world.broker.compact(topic, world.random)
  }
}

/** All processes are away for so long that the broker forgets how far their groups were. */
function expireOffsets(world: World): void {
  world.note('offsets expire while everybody is away')
  for (const slot of world.slots) {
    slot.process.kill()
    startLater(world, slot)
  }
  // What they have sent has arrived by then.
  world.scheduler.after(world.kafkaNetwork.delayMaxMs, () => {
    for (const stage of ['coordinator', 'dispatcher', 'notifier']) world.broker.expireOffsets(`${APPLICATION}.${stage}`)
  })
}

function startLater(world: World, slot: Slot): void {
  const { process } = slot
  world.scheduler.after(world.draw(8_000), () => {
    if (slot.process === process && world.slots.includes(slot)) world.start(slot)
  })
}

function networksOf({ kafkaNetwork, dmiNetwork, bucketNetwork, callbackNetwork }: World): readonly Network[] {
  return [kafkaNetwork, dmiNetwork, bucketNetwork, callbackNetwork]
}

function aSlot(world: World): Slot {
  return world.slots[world.draw(world.slots.length)]!
}
