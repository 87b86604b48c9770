/** Who sends a callback, and that nothing was changed on its way (Standard Webhooks, https://www.standardwebhooks.com). */
import { createHash, createHmac } from 'node:crypto'

const PREFIX = 'whsec_'
const ID_LENGTH = 32

/** The key that a secret stands for: base64 behind `whsec_`, or its own bytes. */
export function keyOf(secret: string): Buffer {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret)
}

/** `id` is the delivery's own, of any characters; `at` in milliseconds since the epoch. */
export function signedHeaders(key: Buffer, { id, at, body }: Signed): Readonly<Record<string, string>> {
  const webhookId = `evt_${createHash('sha256').update(id).digest('hex').slice(0, ID_LENGTH)}`
  const timestamp = String(Math.floor(at / 1_000))
  const signature = createHmac('sha256', key).update(`${webhookId}.${timestamp}.`).update(body).digest('base64')
  return { 'webhook-id': webhookId, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

interface Signed {
  readonly id: string
  readonly at: number
  readonly body: Buffer
}
