import { systemClock, systemTimers } from '../runtime/clock.ts'
import { listenOnLoopback, type LoopbackServer } from './loopback-server.ts'
import { Simulation, type SimulationParts } from './simulation.ts'
import type { SimulatedProducerOptions } from './simulation-options.ts'

export type SimulatedProducer = LoopbackServer

/**
 * A producer behind the DMI contract, both versions of it, that does no work: for the demo, for tests and benchmarks.
 * Beside the contract it answers `GET /health` and `GET /stats`. It listens on 127.0.0.1 only, and rejects when the
 * port can't be had.
 */
export async function startSimulatedProducer(
  options: SimulatedProducerOptions,
  parts: Partial<SimulationParts> = {},
): Promise<SimulatedProducer> {
  const simulation = new Simulation(options, { clock: systemClock, timers: systemTimers, events: null, ...parts })
  const server = await listenOnLoopback(options.port, (request, response) => {
    void simulation.answer(request, response)
  })
  return {
    url: server.url,
    close: () => {
      simulation.stop()
      return server.close()
    },
  }
}
