import type { ServiceRegistered } from '../domain/inventory-messages.ts'
import type { JobKind } from '../domain/operation.ts'

/** A producer's plugin as the operator registered it. */
export interface DmiService {
  readonly name: string
  /** `http(s)://host:port`, with a path in front of the contract's own paths where the service has one. */
  readonly baseUrl: string
  readonly contract: DmiContract
  readonly auth?: { readonly type: 'basic'; readonly username: string; readonly password: string } | undefined
}

/** The version of the contract that a service speaks (contract page, "Us → DMI"). */
export type DmiContract = 'dataJob' | 'cmJob'

/** The four things that a service is asked for. */
export type DmiCallName = 'submit' | 'status' | 'result' | 'cancel'

/** What all calls about one subjob have in common. */
export interface SubjobCall {
  /** The data job's id, which the contract calls the request's. */
  readonly requestId: string
  readonly kind: JobKind
  /** May be empty. */
  readonly dataProducerId: string
  /** The bare name of the topic or bucket; empty where there is none. */
  readonly destination: string
  /** The same for every attempt at one submission, so that a service that honours it does the work once. */
  readonly idempotencyKey: string
  readonly traceparent?: string | undefined
  /** A client's own token. It is passed on only to a service that has no credentials of its own. */
  readonly bearerToken?: string | undefined
}

/** A service of the inventory, as it is called. */
export function dmiServiceOf({ name, baseUrl, contract, username, password }: Omit<ServiceRegistered, 'type'>): DmiService {
  const auth = username === null ? undefined : ({ type: 'basic', username, password: password ?? '' } as const)
  return { name, baseUrl, contract, auth }
}
