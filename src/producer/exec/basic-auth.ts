import { createHash, timingSafeEqual } from 'node:crypto'

export interface BasicCredentials {
  readonly username: string
  readonly password: string
}

/** Whether a request's `Authorization` header names them. Takes the same time wherever it differs. */
export function isAuthorized(header: string | undefined, { username, password }: BasicCredentials): boolean {
  const encoded = /^basic +(\S+)$/i.exec(header ?? '')?.[1] ?? ''
  return timingSafeEqual(sha256(Buffer.from(encoded, 'base64')), sha256(Buffer.from(`${username}:${password}`)))
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
