/** What goes wrong, drawn from the seed: processes die, stop and go on, members come and go, networks fail, logs are compacted. */
import { SESSION_TIMEOUT_MS } from './consumer-groups.ts'
import { DELETE_RETENTION_MS } from './partition-log.ts'
import { APPLICATION, TOPICS } from './settings.ts'
import type { Slot, World } from './world.ts'

// Long enough to lose every session and transaction, and short enough for a log to keep what a reader has yet to read.
const STANDSTILL_MS_MAX = Math.min(2.5 * SESSION_TIMEOUT_MS, DELETE_RETENTION_MS)

type Fault = (world: World) => void

const faults: readonly { readonly weight: number; readonly fault: Fault }[] = [
  { weight: 4, fault: kill },
  { weight: 3, fault: pause },
  { weight: 2, fault: leave },
  { weight: 2, fault: crashConsumer },
  { weight: 2, fault: networkDown },
  { weight: 2, fault: lossy },
  { weight: 2, fault: failingProducers },
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
  for (const network of [world.kafkaNetwork, world.dmiNetwork, world.bucketNetwork]) {
    network.isDown = false
    network.lossRatio = 0
  }
  world.dmi.failureRatio = 0
  for (const slot of world.slots) {
    slot.process.resume()
    if (slot.process.state === 'dead') world.start(slot)
  }
}

function kill(world: World): void {
  const slot = aSlot(world)
  if (slot.process.state === 'dead') return
  world.note(`${slot.process.name} is killed`)
  slot.process.kill()
  startLater(world, slot)
}

function pause(world: World): void {
  const { process } = aSlot(world)
  if (process.state !== 'running') return
  const forMs = world.draw(STANDSTILL_MS_MAX)
  world.note(`${process.name} stands still for ${forMs}`)
  process.pause()
  world.scheduler.after(forMs, () => {
    process.resume()
  })
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

function networkDown(world: World): void {
  const networks = [world.kafkaNetwork, world.dmiNetwork, world.bucketNetwork]
  const network = networks[world.draw(networks.length)]!
  world.note(`network ${networks.indexOf(network)} is down`)
  network.isDown = true
  world.scheduler.after(world.draw(6_000), () => {
    network.isDown = false
  })
}

function lossy(world: World): void {
  for (const network of [world.kafkaNetwork, world.dmiNetwork, world.bucketNetwork]) {
    network.lossRatio = world.random() < 0.5 ? 0 : world.random() * 0.1
  }
}

function failingProducers(world: World): void {
  world.dmi.failureRatio = world.random() < 0.4 ? 0 : world.random() * 0.6
}

function compact(world: World): void {
  world.broker.compact(TOPICS.coordinatorChangelog, world.random)
  world.broker.compact(TOPICS.dispatcherChangelog, world.random)
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
    for (const stage of ['coordinator', 'dispatcher']) world.broker.expireOffsets(`${APPLICATION}.${stage}`)
  })
}

function startLater(world: World, slot: Slot): void {
  const { process } = slot
  world.scheduler.after(world.draw(8_000), () => {
    if (slot.process === process) world.start(slot)
  })
}

function aSlot(world: World): Slot {
  return world.slots[world.draw(world.slots.length)]!
}
