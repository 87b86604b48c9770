import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { ManualTime } from '../../test/fakes/manual-time.ts'
import { buildWaitingServer } from './waiting-server.ts'

describe('a server that waits for what it needs', () => {
  let app: FastifyInstance

  beforeEach(() => {
    const logger: FastifyBaseLogger = pino({ level: 'silent' })
    app = buildWaitingServer({ timers: new ManualTime(), logger, waitsFor: () => 'Kafka is away' })
  })

  afterEach(() => app.close())

  it('lives, and is not ready', async () => {
    expect((await app.inject('/livez')).statusCode).toBe(200)
    const ready = await app.inject('/readyz')
    expect(ready.statusCode).toBe(503)
    expect(ready.json()).toEqual({ status: 'not ready', checks: { start: 'Kafka is away' } })
  })

  it.each([
    ['POST', '/ranoam/cm/v1/dataJob'],
    ['GET', '/ranoam/cm/v1/dataJob/any'],
    ['PUT', '/ncmpInventory/v1/dmi/any'],
  ] as const)('asks clients to come again: %s %s', async (method, url) => {
    const answer = await app.inject({ method, url, ...(method === 'GET' ? {} : { payload: {} }) })
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2'])
    expect(answer.json()).toMatchObject({ status: '503 SERVICE_UNAVAILABLE', message: 'The service is starting' })
  })
})
