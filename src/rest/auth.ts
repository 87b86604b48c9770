/** Who may use which part of the API. Credentials are static and come from the operator's settings. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { Refusal } from './errors.ts'

/** A user or token with its name, which jobs and logs may show, and its secret, which nothing shows. */
export interface Credential {
  readonly name: string
  readonly secret: string
}

export interface AuthOptions {
  /** Tokens that clients may send as `Authorization: Bearer`. */
  readonly bearerTokens: readonly Credential[]
  /** Users that clients may identify themselves as with `Authorization: Basic`. */
  readonly basicUsers: readonly Credential[]
  /** Tokens that may read and change the inventory; they may do what a client may, too. */
  readonly operatorTokens: readonly Credential[]
}

export const NO_AUTH: AuthOptions = { bearerTokens: [], basicUsers: [], operatorTokens: [] }

export function hasClientCredentials(auth: AuthOptions): boolean {
  return auth.bearerTokens.length > 0 || auth.basicUsers.length > 0
}

export function hasOperatorCredentials(auth: AuthOptions): boolean {
  return auth.operatorTokens.length > 0
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of who sent the request; null where nobody needs to say. */
    principal: string | null
  }
}

/** Lets clients and operators in, and everybody when no client credentials are configured. */
export function requireClient(auth: AuthOptions): onRequestAsyncHookHandler {
  const bearer = [...auth.bearerTokens, ...auth.operatorTokens].map(hashed)
  const basic = auth.basicUsers.map(hashed)
  const open = !hasClientCredentials(auth)
  return (request) => {
    request.principal = principalOf(request, bearer, basic)
    if (request.principal === null && !open) return Promise.reject(unauthorized(basic.length > 0))
    return Promise.resolve()
  }
}

/** Lets operators in; everybody only while no credentials are configured at all. */
export function requireOperator(auth: AuthOptions): onRequestAsyncHookHandler {
  const operators = auth.operatorTokens.map(hashed)
  const clients = { bearer: auth.bearerTokens.map(hashed), basic: auth.basicUsers.map(hashed) }
  const open = !hasOperatorCredentials(auth) && !hasClientCredentials(auth)
  return (request) => {
    request.principal = principalOf(request, operators, [])
    if (request.principal !== null || open) return Promise.resolve()
    if (principalOf(request, clients.bearer, clients.basic) === null) return Promise.reject(unauthorized(false))
    const details = 'The inventory names the addresses that jobs are sent to: changing it takes an operator’s token.'
    return Promise.reject(new Refusal(403, 'Only an operator may do this', { details }))
  }
}

/** What the request carries as a bearer token, known here or not: plugins of producers may know it. */
export function bearerTokenOf(request: FastifyRequest): string | null {
  return /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null
}

interface HashedCredential {
  readonly name: string
  readonly hash: Buffer
}

function hashed({ name, secret }: Credential): HashedCredential {
  return { name, hash: sha256(secret) }
}

function principalOf(
  request: FastifyRequest,
  bearer: readonly HashedCredential[],
  basic: readonly HashedCredential[],
): string | null {
  const [, scheme, credentials] = /^(\S+) +(\S+)$/.exec(request.headers.authorization ?? '') ?? []
  if (scheme === undefined || credentials === undefined) return null
  if (scheme.toLowerCase() === 'bearer') return matching(bearer, credentials)
  if (scheme.toLowerCase() !== 'basic') return null
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(credentials, 'base64').toString('utf8')) ?? []
  if (user === undefined || password === undefined) return null
  return matching(basic.filter(({ name }) => name === user), password)
}

// Hashes have one length, and comparing them takes the same time wherever they differ.
function matching(known: readonly HashedCredential[], secret: string): string | null {
  const hash = sha256(secret)
  return known.find((credential) => timingSafeEqual(credential.hash, hash))?.name ?? null
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function unauthorized(basic: boolean): Refusal {
  const challenge = basic ? 'Bearer realm="datajob", Basic realm="datajob", charset="UTF-8"' : 'Bearer realm="datajob"'
  const details = 'Send an Authorization header with credentials that the operator gave you.'
  return new Refusal(401, 'The request does not say who sent it, or the credentials are unknown', {
    details,
    headers: { 'www-authenticate': challenge },
  })
}
