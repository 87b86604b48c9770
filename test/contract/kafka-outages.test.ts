import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { createKafkaClient } from '../../src/kafka/kafkajs/client.ts'
import { killServer, pauseServer, resumeServer } from '../../stack/one-server.ts'
import { asEnvironment, ensureStack, type StackOptions, stopStack } from '../../stack/stack.ts'
import { givenStack } from '../harness/given-stack.ts'
import { exerciseOutages } from './kafka-port-outages.ts'

const SESSION_TIMEOUT_MS = 3_000
const silent = { debug: (): void => undefined, info: (): void => undefined, warn: (): void => undefined }
const folder = mkdtempSync(join(tmpdir(), 'datajob-outages-'))
let stack: StackOptions
let brokers: readonly string[]

beforeAll(async () => {
  // A broker of its own, beside the registry and the object store of the run.
  const given = { ...asEnvironment({ ...givenStack(), s3Region: 'us-east-1' }), DATAJOB_KAFKA_BROKERS: '' }
  stack = { folder, lifetime: 'process', env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...given } }
  brokers = (await ensureStack(stack)).kafkaBrokers.split(',')
}, 240_000)

afterAll(async () => {
  await stopStack({ ...stack, discard: true })
  rmSync(folder, { recursive: true, force: true })
})

/** It takes connections, as the kernel does for it, and says nothing: half-open to whoever is connected. */
async function standStill(ms: number): Promise<void> {
  await pauseServer({ folder, name: 'kafka' })
  await sleep(ms)
  await resumeServer({ folder, name: 'kafka' })
}

exerciseOutages('kafkajs', {
  kafka: () => createKafkaClient({
    ...{ brokers, clientId: 'outages', logger: silent },
    ...{ sessionTimeoutMs: SESSION_TIMEOUT_MS, heartbeatIntervalMs: 500, fetchWaitMs: 50 },
    ...{ requestTimeoutMs: 1_500, transactionTimeoutMs: 2_000 },
  }),
  outages: [
    {
      name: 'killed and started again',
      happen: async () => {
        await killServer({ folder, name: 'kafka' })
        await ensureStack(stack)
      },
    },
    { name: 'silent for longer than a session', happen: () => standStill(2 * SESSION_TIMEOUT_MS) },
  ],
})
