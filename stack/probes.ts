import { setTimeout as sleep } from 'node:timers/promises'
import type { StackEndpoints } from './endpoints.ts'
import { kafkaAnswers } from './kafka.ts'
import { httpAnswers } from './registry.ts'
import type { ServerName } from './state.ts'

/** True when the server does what it is for: Kafka knows a broker, the registry lists subjects, S3 talks HTTP. */
export async function answers(endpoints: StackEndpoints, name: ServerName): Promise<boolean> {
  switch (name) {
    case 'kafka':
      return anyBrokerAnswers(endpoints.kafkaBrokers)
    case 'registry':
      return httpAnswers(`${endpoints.registryUrl}/subjects`)
    case 's3':
      return httpAnswers(`${endpoints.s3Endpoint}/`)
  }
}

/** Asks until the server answers, at least once; false when the time is over. */
export async function untilAnswers(endpoints: StackEndpoints, name: ServerName, waitMsMax: number): Promise<boolean> {
  const giveUpAt = performance.now() + waitMsMax
  for (;;) {
    if (await answers(endpoints, name)) return true
    if (performance.now() >= giveUpAt) return false
    await sleep(100)
  }
}

async function anyBrokerAnswers(brokers: string): Promise<boolean> {
  const asked = brokers.split(',').map(async (broker) => {
    const match = /^(.*):(\d+)$/.exec(broker.trim())
    return match?.[1] !== undefined && (await kafkaAnswers(Number(match[2]), match[1]))
  })
  return (await Promise.all(asked)).includes(true)
}
