import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock, systemTimers } from '../runtime/clock.ts'
import { Simulation, type SimulationParts } from './simulation.ts'
import type { SimulatedProducerOptions } from './simulation-options.ts'

export interface SimulatedProducer {
  readonly url: string
  /** Ends all connections, results under way too. */
  close(): Promise<void>
}

/** Longer than clients keep an idle connection, so that they, not we, close it: closing it under a request loses it. */
const KEEP_ALIVE_MS = 60_000

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
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    void simulation.answer(request, response)
  })
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      simulation.stop()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
