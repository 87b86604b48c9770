/** For whoever runs the process: is it alive, can it serve, what does it count. Open to everybody. */
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { Type } from 'typebox'
import type { Timers } from '../runtime/clock.ts'
import { bounded } from './jobs/bounded.ts'
import { answer } from './schemas.ts'

/** Something that must be there before requests can be served. */
export interface ReadinessCheck {
  readonly name: string
  /** Null when all is well, else what is missing, in a few words. A rejection counts as not ready. */
  readonly check: () => Promise<string | null>
}

export interface HealthOptions {
  readonly readiness: readonly ReadinessCheck[]
  readonly metrics: Registry
  readonly timers: Timers
}

/** One check may take this long; probes of orchestrators give up soon after. */
const CHECK_TIMEOUT_MS = 2_000

const readinessSchema = Type.Object({
  status: Type.Enum(['ready', 'not ready']),
  checks: Type.Record(Type.String(), Type.String({ description: '`ok`, or what is missing' })),
})

export function addHealth(app: FastifyInstance, options: HealthOptions): void {
  const { readiness, metrics, timers } = options
  app.get('/livez', {
    schema: {
      tags: ['Health'],
      summary: 'Whether the process answers at all',
      response: { 200: answer(Type.Object({ status: Type.Literal('alive') }), 'It does') },
    },
    handler: () => ({ status: 'alive' as const }),
  })
  app.get('/readyz', {
    schema: {
      tags: ['Health'],
      summary: 'Whether requests can be served, check by check',
      response: { 200: answer(readinessSchema, 'They can'), 503: answer(readinessSchema, 'Something is missing') },
    },
    handler: async (_request, reply) => {
      const asking = readiness.map(async (each) => [each.name, await resultOf(each, timers)] as const)
      const checks = Object.fromEntries(await Promise.all(asking))
      const ready = Object.values(checks).every((result) => result === 'ok')
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', checks })
    },
  })
  app.get('/metrics', {
    schema: {
      tags: ['Health'],
      summary: 'What is counted, for Prometheus',
      produces: ['text/plain'],
      response: { 200: Type.String({ description: 'The text format of Prometheus' }) },
    },
    handler: async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
  })
}

async function resultOf({ name, check }: ReadinessCheck, timers: Timers): Promise<string> {
  try {
    return (await bounded(check(), { timers, timeoutMs: CHECK_TIMEOUT_MS, who: name })) ?? 'ok'
  } catch (error) {
    return error instanceof Error ? error.message : 'failed'
  }
}
