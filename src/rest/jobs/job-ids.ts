/** Which id a submitted job gets: the client's own, one made of its Idempotency-Key, or a new one. */
import { createHash, randomBytes } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { isJobId, type JobId, JOB_ID_RULE } from '../../domain/ids.ts'
import type { Clock } from '../../runtime/clock.ts'
import { Refusal } from '../errors.ts'

export interface ChosenId {
  readonly jobId: JobId
  /** The client can send the same job again under the same id, so another may have come first. */
  readonly repeatable: boolean
}

export interface IdWishes {
  readonly tenant: string
  /** The client's own id; it outweighs the key. */
  readonly jobId: string | null
  readonly idempotencyKey: string | null
}

export const IDEMPOTENCY_KEY_LENGTH_MAX = 256

/** The client's `Idempotency-Key`; null where it sends none. Throws a 400 where there are two. */
export function idempotencyKeyOf({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const key = headers['idempotency-key']
  if (Array.isArray(key)) throw new Refusal(400, 'Idempotency-Key is there twice')
  return key ?? null
}

/** Throws a 400 on an id or a key that can't be used. */
export function chooseJobId(wishes: IdWishes, clock: Clock): ChosenId {
  const { jobId, idempotencyKey, tenant } = wishes
  if (idempotencyKey !== null) checkKey(idempotencyKey)
  if (jobId !== null) return { jobId: checkedId(jobId), repeatable: true }
  if (idempotencyKey !== null) return { jobId: idOfKey(tenant, idempotencyKey), repeatable: true }
  return { jobId: newId(clock), repeatable: false }
}

// A path that ends in a dot segment names another resource (RFC 3986, 5.2.4), so such a job's status could not be read.
const UNREACHABLE: ReadonlySet<string> = new Set(['.', '..'])

function checkedId(text: string): JobId {
  if (!isJobId(text)) throw new Refusal(400, `jobId: ${JOB_ID_RULE}`)
  if (UNREACHABLE.has(text)) throw new Refusal(400, `jobId: "${text}" cannot be part of a path`)
  return text
}

function checkKey(key: string): void {
  if (key.length > 0 && key.length <= IDEMPOTENCY_KEY_LENGTH_MAX) return
  const message = `Idempotency-Key has ${key.length} characters, allowed are 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX}`
  throw new Refusal(400, message)
}

/** The same for the same key of the same tenant on every instance: a UUID of version 8 (RFC 9562) from its SHA-256. */
function idOfKey(tenant: string, key: string): JobId {
  const hash = createHash('sha256').update(JSON.stringify([tenant, key])).digest()
  return uuid(hash, 8)
}

/** A UUID of version 7 (RFC 9562): it begins with the time, so ids of jobs sort roughly by age. */
function newId(clock: Clock): JobId {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(clock.now(), 0, 6)
  return uuid(bytes, 7)
}

function uuid(bytes: Buffer, version: number): JobId {
  const hex = bytes.toString('hex', 0, 16).split('')
  hex[12] = version.toString(16)
  hex[16] = ((Number.parseInt(hex[16] ?? '0', 16) & 0b0011) | 0b1000).toString(16)
  const text = hex.join('')
  const parts = [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)]
  return parts.join('-') as JobId
}
