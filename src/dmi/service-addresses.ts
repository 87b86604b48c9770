import type { DmiService } from './dmi-service.ts'

/** Where a service is, and how we say who we are. */
export interface ServiceAddress {
  readonly origin: string
  /** In front of the contract's own paths. */
  readonly prefix: string
  /** The header's value; undefined for a service without credentials. */
  readonly authorization: string | undefined
}

/** The addresses of services, each read once for as long as the service stays as it is registered. */
export class ServiceAddresses {
  readonly #known = new WeakMap<DmiService, ServiceAddress | null>()

  /** Null for a base URL that can't be called: neither http nor https. */
  of(service: DmiService): ServiceAddress | null {
    const known = this.#known.get(service)
    if (known !== undefined) return known
    const address = addressOf(service)
    this.#known.set(service, address)
    return address
  }
}

function addressOf(service: DmiService): ServiceAddress | null {
  const base = URL.parse(service.baseUrl)
  if (base === null || !/^https?:$/.test(base.protocol)) return null
  const credentials = basicCredentials(service)
  const authorization = credentials === undefined ? undefined : `Basic ${credentials}`
  return { origin: base.origin, prefix: base.pathname.replace(/\/+$/, ''), authorization }
}

/** RFC 7617; undefined for a service without credentials. */
export function basicCredentials({ auth }: DmiService): string | undefined {
  return auth === undefined ? undefined : Buffer.from(`${auth.username}:${auth.password}`).toString('base64')
}
