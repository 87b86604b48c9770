import type { SubjobCall } from './dmi-service.ts'
import type { ServiceAddress } from './service-addresses.ts'

/** The headers of a call, names and values by turns: undici takes them so with the least work. */
export function requestHeaders({ authorization }: ServiceAddress, call: SubjobCall, method: 'GET' | 'POST' | 'DELETE'): string[] {
  // A result may be of any type, and an error's body often is.
  const headers = ['accept', 'application/json, */*;q=0.5', 'user-agent', 'datajob']
  if (method === 'POST') headers.push('content-type', 'application/json', 'idempotency-key', visibleAscii(call.idempotencyKey))
  if (call.traceparent !== undefined) headers.push('traceparent', call.traceparent)
  if (authorization !== undefined) headers.push('authorization', authorization)
  else if (call.bearerToken !== undefined) headers.push('authorization', `Bearer ${call.bearerToken}`)
  return headers
}

/** A header carries visible ASCII only, and ids may be any text. Distinct keys stay distinct. */
function visibleAscii(text: string): string {
  return text.toWellFormed().replace(/[^!-$&-~]/gu, encodeURIComponent)
}
