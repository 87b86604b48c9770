import { join } from 'node:path'
import type { ServiceRegistered } from '../domain/inventory-messages.ts'
import { BUILT_IN_SERVICE } from '../inventory/built-in-processes.ts'
import { startEchoProducer } from '../producer/echo/start-echo-producer.ts'
import type { Closing } from '../runtime/closing.ts'

/** Starts what carries out the built-in processes, and resolves to how it is called. */
export async function startBuiltIn(dataFolder: string, closing: Closing): Promise<ServiceRegistered> {
  const server = await startEchoProducer(join(dataFolder, 'echo'))
  closing.later('built-in processes', () => server.close())
  return {
    ...{ type: 'ServiceRegistered', name: BUILT_IN_SERVICE, baseUrl: server.url, contract: 'dataJob' },
    ...{ username: null, password: null, subjobsInFlightMax: null, subjobTimeoutMs: null },
  }
}
