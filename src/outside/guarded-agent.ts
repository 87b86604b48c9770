/** Connections to addresses that clients name, to nothing but what is allowed. */
import { lookup as resolve } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent } from 'undici'
import type { AddressGuard } from './address-guard.ts'

/** Where the name leads is not allowed, wherever else it may lead later. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

const KEEP_ALIVE_MS = 4_000

/** Follows no redirects and knows no proxies. A host that is an address itself is not looked up: ask the guard before. */
export function guardedAgent(guard: AddressGuard, timeoutMs: number): Agent {
  return new Agent({
    connect: { lookup: guardedLookup(guard), timeout: timeoutMs },
    ...{ headersTimeout: timeoutMs, bodyTimeout: timeoutMs, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS },
  })
}

// Within the connection: what was checked is what is connected to, whatever the name leads to a moment later.
function guardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, [])
        return
      }
      const allowed = found.filter(({ address }) => isIP(address) !== 0 && guard.allows(address))
      const [first] = allowed
      if (first === undefined) callback(new AddressRefused(guard.refusal(hostname)), [])
      else if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

// undici tells failures to connect as causes of others.
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
